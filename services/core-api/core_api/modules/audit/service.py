"""Writing the audit log, and opening what it holds for who may read it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import Change, Changes
from core_api.modules.audit.models import AuditEvent
from core_api.modules.audit.subject_keys import SubjectKeys
from core_api.modules.audit.values import (
    masked_pair,
    opened_pair,
    pair,
    place_of,
    sealed_pair,
)
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.permissions import Permission

__all__ = [
    "Change",
    "Changes",
    "SubjectKeys",
    "opened_values",
    "record",
    "record_all",
    "record_by_system",
    "visible_values",
]

_NO_CHANGES: Final[Mapping[str, Change]] = MappingProxyType({})
_NOTHING: Final[Mapping[str, UUID]] = MappingProxyType({})
_NO_FIELDS: Final[frozenset[str]] = frozenset()


async def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject_id: UUID,
    *,
    changes: Mapping[str, Change] = _NO_CHANGES,
    about: UUID | None = None,
    personal: frozenset[str] = _NO_FIELDS,
    related: Mapping[str, UUID] = _NOTHING,
    reason: str | None = None,
) -> None:
    """Notes a change in the transaction that makes it.

    `action` is `noun.past_verb`, its noun being the type of the subject; `changes` says from what
    to what; `about` is the client whose data it concerns, under whose key the values of the fields
    in `personal` are sealed; `related` names other ids involved, e.g. `{"client_id": …}`;
    `reason` defaults to what the caller said in `X-Change-Reason`.
    """
    session.add(
        AuditEvent(
            **await _row(
                session,
                actor,
                action,
                subject_id,
                changes=changes,
                about=about,
                personal=personal,
                related=related,
                reason=reason,
            )
        )
    )


async def record_all(
    session: AsyncSession,
    actor: Actor,
    action: str,
    changed: Sequence[tuple[UUID, Mapping[str, Change]]],
    *,
    personal: frozenset[str],
) -> None:
    """The same action on many clients that are written already, in one statement: whom, and what
    changed about them."""
    rows = [
        await _row(
            session, actor, action, client_id, changes=changes, about=client_id, personal=personal
        )
        for client_id, changes in changed
    ]
    await session.execute(sa.insert(AuditEvent), rows)


async def _row(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject_id: UUID,
    *,
    changes: Mapping[str, Change],
    about: UUID | None,
    personal: frozenset[str],
    related: Mapping[str, UUID] = _NOTHING,
    reason: str | None = None,
) -> dict[str, Any]:
    event_id = new_id()
    values = await _values(session, actor.organization_id, event_id, changes, about, personal)
    return {
        "id": event_id,
        "organization_id": actor.organization_id,
        "occurred_at": utc_now(),
        "actor_id": actor.user_id,
        "action": action,
        "subject_type": action.partition(".")[0],
        "subject_id": subject_id,
        "about": about,
        "changed": sorted(changes),
        "values": values,
        "reason": reason or actor.reason,
        "related": {name: str(value) for name, value in related.items()},
        "request_id": actor.request_id,
    }


def record_by_system(
    session: AsyncSession,
    organization_id: OrganizationId,
    action: str,
    subject_id: UUID,
    *,
    changes: Mapping[str, Change] = _NO_CHANGES,
    reason: str,
    run_id: str,
    about: UUID | None = None,
    related: Mapping[str, UUID] = _NOTHING,
) -> None:
    """Notes what no member did: a command of the operator's, or a client's own decision. No
    personal data; `run_id` finds it in the logs."""
    session.add(
        AuditEvent(
            id=new_id(),
            organization_id=organization_id,
            occurred_at=utc_now(),
            actor_id=None,
            action=action,
            subject_type=action.partition(".")[0],
            subject_id=subject_id,
            about=about,
            changed=sorted(changes),
            values={name: pair(change) for name, change in changes.items()},
            reason=reason,
            related={name: str(value) for name, value in related.items()},
            request_id=run_id,
        )
    )


async def opened_values(
    session: AsyncSession, organization_id: OrganizationId, events: Sequence[Any]
) -> list[dict[str, dict[str, Any]]]:
    """For each event its values by field: `from`, `to`, and `erased` where the key is gone.

    One statement for all of them. Who reads must be allowed to see personal data.
    """
    stored = [event.values or {} for event in events]
    key_ids = {
        UUID(value["key"]) for values in stored for value in values.values() if _is_sealed(value)
    }
    seals = await SubjectKeys(session, organization_id).among(key_ids)
    return [
        {
            field: opened_pair(
                value,
                seals.get(UUID(value["key"])) if _is_sealed(value) else None,
                place_of(organization_id, event.id, field),
            )
            for field, value in values.items()
        }
        for event, values in zip(events, stored, strict=True)
    ]


async def visible_values(
    session: AsyncSession, actor: Actor, events: Sequence[Any]
) -> list[dict[str, dict[str, Any]]]:
    """The same as this actor may see them: documents masked, contacts as their role has it."""
    contact = actor.may(Permission.CLIENTS_CONTACT)
    opened = await opened_values(session, actor.organization_id, events)
    return [
        {field: masked_pair(field, value, contact=contact) for field, value in values.items()}
        for values in opened
    ]


def _is_sealed(value: Mapping[str, Any]) -> bool:
    return "sealed" in value


async def _values(
    session: AsyncSession,
    organization_id: OrganizationId,
    event_id: UUID,
    changes: Mapping[str, Change],
    about: UUID | None,
    personal: frozenset[str],
) -> dict[str, Any]:
    values = {name: pair(change) for name, change in changes.items() if name not in personal}
    secret = changes.keys() & personal
    if secret:
        if about is None:
            raise ValueError(f"whose are {sorted(secret)}? `about` is missing")
        key = await SubjectKeys(session, organization_id).of(about)
        for name in secret:
            bound = place_of(organization_id, event_id, name)
            values[name] = sealed_pair(changes[name], key.id, key.seal, bound)
    return values
