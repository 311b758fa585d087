"""Finding a document that says the same to the same people, within the statement that submits."""

from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from knowledge.access import purposes_in_force
from knowledge.access_tables import TeamMember
from knowledge.models import Document, DocumentVersion, Visibility
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission, Role

_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_MEMBERS: Final = cast("sa.Table", TeamMember.__table__)
_SAME_PEOPLE: Final = (
    "visibility",
    "allowed_roles",
    "allowed_team_ids",
    "client_id",
    "purpose_code",
    "legal_basis",
)
_DOCUMENT: Final = _DOCUMENTS.c
_VERSION: Final = _VERSIONS.c


def given(name: str, kind: Any) -> sa.BindParameter[Any]:
    """A value of the submission."""
    return sa.bindparam(f"given_{name}", type_=kind)


_TENANT: Final = given("organization_id", sa.Uuid())
_USER: Final = given("submitted_by", sa.Uuid())


def twin_of_submission() -> sa.CTE:
    """One row: the id of one that the actor may read, or null."""
    searched = _searched().scalar_subquery()
    twin_id = sa.func.coalesce(searched, _on_its_way(), type_=sa.Uuid())
    return sa.select(twin_id.label("id")).cte("twin")


def _on_its_way() -> sa.ColumnElement[Any]:
    """One that is not searched yet, also of this very moment: who sends the same waits until the
    other has committed. Not for a client's: whether those may be read is another question."""
    of_columns = ("visibility", "allowed_roles", "allowed_team_ids")
    found = sa.func.ai.twin_on_its_way(
        _TENANT,
        given("content_sha256", sa.Text()),
        given("chunking", sa.Text()),
        *(given(name, _DOCUMENT[name].type) for name in of_columns),
        _USER,
        type_=sa.Uuid(),
    )
    is_for_some = given("visibility", _DOCUMENT.visibility.type) != Visibility.CLIENT
    return sa.case((is_for_some, found))


def _searched() -> sa.Select[UUID]:
    is_current = sa.and_(
        _DOCUMENT.organization_id == _VERSION.organization_id,
        _DOCUMENT.id == _VERSION.document_id,
        _DOCUMENT.current_version == _VERSION.number,
    )
    return (
        sa.select(_DOCUMENT.id)
        .select_from(_VERSIONS)
        .join(_DOCUMENTS, is_current)
        .where(
            _VERSION.organization_id == _TENANT,
            _VERSION.content_sha256 == given("content_sha256", sa.Text()),
            _VERSION.chunking == given("chunking", sa.Text()),
            *(
                _DOCUMENT[name].is_not_distinct_from(given(name, _DOCUMENT[name].type))
                for name in _SAME_PEOPLE
            ),
            _may_read(),
        )
        .limit(1)
    )


def searching_as(actor: Actor) -> dict[str, Any]:
    """The parameters of `twin_of_submission` that are no column's."""
    return {
        "is_admin": Role.ADMIN in actor.roles,
        "roles": sorted(actor.roles),
        "reads_clients": actor.may(Permission.CLIENTS_READ),
    }


def _may_read() -> sa.ColumnElement[bool]:
    """`knowledge.access.readable`, without asking first who the actor is."""
    member = _MEMBERS.c
    in_team = sa.exists().where(
        member.organization_id == _TENANT,
        member.member_id == _USER,
        member.is_member,
        member.team_id == sa.any_(_DOCUMENT.allowed_team_ids),
    )
    is_among_them = sa.or_(
        given("is_admin", sa.Boolean()),
        _DOCUMENT.submitted_by == _USER,
        _DOCUMENT.allowed_roles.overlap(given("roles", ARRAY(sa.Text()))),
        in_team,
    )
    may_see_the_client = sa.and_(
        given("reads_clients", sa.Boolean()),
        _DOCUMENT.purpose_code == sa.any_(purposes_in_force(_TENANT, _DOCUMENT.client_id)),
    )
    return sa.or_(
        _DOCUMENT.visibility == Visibility.ORGANIZATION,
        sa.and_(_DOCUMENT.visibility == Visibility.RESTRICTED, is_among_them),
        sa.and_(_DOCUMENT.visibility == Visibility.CLIENT, may_see_the_client),
    )
