"""Writing the audit log, and opening what it holds for who may read it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import Change, Changes
from core_api.modules.audit.authenticity import content_of
from core_api.modules.audit.models import AuditEvent
from core_api.modules.audit.subject_keys import SubjectKeys
from core_api.modules.audit.values import (
    masked_pair,
    opened_pair,
    opened_text,
    pair,
    place_of,
    sealed_pair,
    sealed_text,
)
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.permissions import Permission

__all__ = [
    "Change",
    "Changes",
    "SubjectKeys",
    "opened_reasons",
    "opened_values",
    "read_events",
    "record",
    "record_all",
    "record_by_system",
    "visible_values",
]

_NO_CHANGES: Final[Mapping[str, Change]] = MappingProxyType({})
_NOTHING: Final[Mapping[str, UUID]] = MappingProxyType({})
_NO_FIELDS: Final[frozenset[str]] = frozenset()
_OF_TICKETS: Final = frozenset({"ticket", "attachment"})
WITHHELD_PAIR: Final[dict[str, Any]] = {"from": None, "to": None, "withheld": True}
_REASON: Final = "reason"
"""Stands for a field where a reason is sealed; no column that is audited has this name."""


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
    `reason` defaults to what the caller said in `X-Change-Reason`; of an event about a client it
    is sealed too: what somebody says of why may name who asked.
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
    tenant, event_id, said = actor.organization_id, new_id(), reason or actor.reason
    sealed = None
    if said is not None and about is not None:
        key = await SubjectKeys(session, tenant).of(about)
        sealed = sealed_text(said, key.id, key.seal, place_of(tenant, event_id, _REASON))
    return _attested(
        session,
        {
            "id": event_id,
            "organization_id": tenant,
            "occurred_at": utc_now(),
            "actor_id": actor.user_id,
            "action": action,
            "subject_type": action.partition(".")[0],
            "subject_id": subject_id,
            "about": about,
            "changed": sorted(changes),
            "values": await _values(session, tenant, event_id, changes, about, personal),
            "reason": None if sealed is not None else said,
            "reason_sealed": sealed,
            "related": {name: str(value) for name, value in related.items()},
            "request_id": actor.request_id,
        },
    )


def _attested(session: AsyncSession, row: dict[str, Any]) -> dict[str, Any]:
    """The row with what proves, until it has its link and beyond, that it was written so."""
    return {**row, "attested": vault_of(session).attest(content_of(row))}


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
    row = {
        "id": new_id(),
        "organization_id": organization_id,
        "occurred_at": utc_now(),
        "actor_id": None,
        "action": action,
        "subject_type": action.partition(".")[0],
        "subject_id": subject_id,
        "about": about,
        "changed": sorted(changes),
        "values": {name: pair(change) for name, change in changes.items()},
        "reason": reason,
        "reason_sealed": None,
        "related": {name: str(value) for name, value in related.items()},
        "request_id": run_id,
    }
    session.add(AuditEvent(**_attested(session, row)))


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
    """The same as this actor may see them: documents masked, contacts as their role has it, and
    what tickets say only for who may read it there."""
    contact, content = actor.may(Permission.CLIENTS_CONTACT), actor.may(Permission.TICKETS_CONTENT)
    opened = await opened_values(session, actor.organization_id, events)
    return [
        {
            field: WITHHELD_PAIR
            if not content and event.subject_type in _OF_TICKETS and _is_sealed(event.values[field])
            else masked_pair(field, value, contact=contact)
            for field, value in values.items()
        }
        for event, values in zip(events, opened, strict=True)
    ]


async def opened_reasons(
    session: AsyncSession, organization_id: OrganizationId, events: Sequence[Any]
) -> list[str | None]:
    """Why each was done; None also where the client it is about was erased. One statement, or
    none."""
    sealed = [event.reason_sealed for event in events if event.reason_sealed]
    seals = await SubjectKeys(session, organization_id).among(UUID(each["key"]) for each in sealed)
    return [
        opened_text(
            event.reason_sealed,
            seals.get(UUID(event.reason_sealed["key"])),
            place_of(organization_id, event.id, _REASON),
        )
        if event.reason_sealed
        else event.reason
        for event in events
    ]


async def read_events(
    session: AsyncSession, actor: Actor, events: Sequence[Any]
) -> list[tuple[dict[str, dict[str, Any]], str | None]]:
    """For each event its values as this actor may see them, and why it was done."""
    values = await visible_values(session, actor, events)
    reasons = await opened_reasons(session, actor.organization_id, events)
    return list(zip(values, reasons, strict=True))


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
