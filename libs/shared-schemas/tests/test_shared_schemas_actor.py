"""Claims, roles, permissions, envelope and pages."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from shared_schemas.actor import Actor, TokenClaims
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta, PageMeta
from shared_schemas.permissions import ROLE_PERMISSIONS, Permission, Role, permissions_of


def _claims(**changes: Any) -> dict[str, Any]:
    return {
        "sub": str(uuid4()),
        "org_id": str(uuid4()),
        "org": "aurora",
        "email": "ana@aurora.example",
        "name": "Ana Prado",
        "realm_access": {"roles": ["agent", "offline_access"]},
        "exp": 2_000_000_000,
    } | changes


def test_actor_has_the_permissions_of_their_roles() -> None:
    actor = Actor.of(TokenClaims.model_validate(_claims()), "correlation-1")
    assert actor.roles == {Role.AGENT}
    assert actor.may(Permission.TICKETS_WRITE)
    assert not actor.may(Permission.PRIVACY_EXECUTE)


def test_without_roles_nothing_is_allowed() -> None:
    actor = Actor.of(TokenClaims.model_validate(_claims(realm_access={})), "correlation-1")
    assert actor.permissions == frozenset()


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "ana"},
        {"org_id": ""},
        {"org": "Aurora Ltda"},
        {"org": ""},
        {"email": ""},
        {"name": ""},
    ],
)
def test_malformed_claims_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TokenClaims.model_validate(_claims(**changes))


def test_log_fields_name_nobody() -> None:
    actor = Actor.of(TokenClaims.model_validate(_claims()), "correlation-1")
    assert all(UUID(value) for value in actor.log_fields().values())


def test_permissions_add_up() -> None:
    both = permissions_of([Role.VIEWER, Role.DPO])
    assert ROLE_PERMISSIONS[Role.VIEWER] < both
    assert Permission.PRIVACY_EXECUTE in both
    assert permissions_of([]) == frozenset()


def test_administrators_may_everything_and_viewers_change_nothing() -> None:
    assert ROLE_PERMISSIONS[Role.ADMIN] == frozenset(Permission)
    assert not any(
        permission.value.endswith((":write", ":delete", ":execute", ":reveal"))
        for permission in ROLE_PERMISSIONS[Role.VIEWER]
    )


@pytest.mark.parametrize("permission", Permission)
def test_permissions_are_resource_colon_verb(permission: Permission) -> None:
    resource, _, verb = permission.value.partition(":")
    assert resource.isalpha()
    assert verb.isalpha()


@pytest.mark.parametrize(
    ("page", "total", "expected"),
    [
        (1, 0, (0, False, False)),
        (1, 20, (1, False, False)),
        (1, 21, (2, True, False)),
        (2, 21, (2, False, True)),
        (9, 21, (2, False, True)),
    ],
)
def test_page_meta(page: int, total: int, expected: tuple[int, bool, bool]) -> None:
    meta = PageMeta.of(page=page, per_page=20, total=total)
    assert (meta.total_pages, meta.has_next, meta.has_prev) == expected


def test_envelope_has_every_field_on_the_wire() -> None:
    meta = CursorMeta(limit=20, has_more=False)
    wire = Success[list[int]](data=[1], meta=meta, request_id="correlation-1").model_dump(
        mode="json"
    )
    assert set(wire) == {"status", "data", "meta", "errors", "timestamp", "request_id"}
    assert (wire["status"], wire["errors"]) == ("success", None)
    assert wire["meta"] == {"limit": 20, "has_more": False, "next_cursor": None}
