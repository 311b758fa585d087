"""Taking a proposal in: kept, applied as far as the organization wants it, entered as a decision,
all in one transaction, once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.clockwork import nobody
from core_api.modules.audit import service as audit
from core_api.modules.categories.service import (
    CategoryArchived,
    CategoryNotFound,
    require_category,
)
from core_api.modules.clients.service import ClientMerged, ClientNotFound, require_client
from core_api.modules.decisions.service import enter_triage
from core_api.modules.teams.roster import TeamNotFound, require_team
from core_api.modules.tickets.service import Ticket, TicketPriority, TicketService
from core_api.modules.triage.configuring import triage_settings
from core_api.modules.triage.models import TicketTriage, TriageField, TriageMode, TriageStatus
from core_api.modules.triage.reading import decided
from core_api.modules.triage.repository import Triages
from core_api.modules.triage.standing import standing_of
from core_api.tables import SCHEMA
from shared_schemas.events.tickets import TicketTriagedPayload
from shared_schemas.triage import Standing, TriageProposal, TriageTaken

BY_ASSISTANT: Final = "triagem automática da assistente"
"""Why, in the audit log, where nobody has decided it."""
COLUMNS: Final = {
    TriageField.CATEGORY: "category_id",
    TriageField.PRIORITY: "priority",
    TriageField.TEAM: "team_id",
}
_CHECKED: Final = frozenset(
    {"category_id", "category_confidence", "team_id", "team_confidence", "priority"}
)
"""Fields that are kept only after a look."""
# Columns alone: the log is the business of its own context.
_EVENTS: Final = sa.table(
    "audit_events",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "subject_id", "actor_id")),
    sa.column("action", sa.Text()),
    sa.column("changed", ARRAY(sa.Text())),
    schema=SCHEMA,
)


async def receive(tx: AsyncSession, proposal: TriageProposal, request_id: str) -> TriageTaken:
    """What became of it. A ticket has one proposal: told of it again, or of another, the first one
    stands. TicketNotFound."""
    tenant = proposal.organization_id
    actor = replace(nobody(tenant, request_id), reason=BY_ASSISTANT)
    service = TicketService(tx, actor)
    ticket = await service.tickets.get_for_update(proposal.ticket_id)
    known = await Triages(tx, tenant).find(ticket.id)
    if known is not None:
        return TriageTaken(standing=Standing.TRIAGED, decided=decided(known))
    try:
        await require_client(tx, tenant, ticket.client_id)  # it stays until this is committed
    except (ClientNotFound, ClientMerged):
        return TriageTaken(standing=Standing.GONE)
    standing = await standing_of(tx, tenant, ticket)
    if standing is not Standing.WANTED:
        return TriageTaken(standing=standing)
    triage = await _kept(tx, ticket, proposal)
    settings = await triage_settings(tx, tenant)
    if settings.mode is TriageMode.APPLY:
        await _apply(service, ticket, triage, settings.least_confidence)
    await _enter(tx, ticket, triage, request_id)
    return TriageTaken(standing=Standing.TRIAGED, decided=decided(triage))


async def _kept(tx: AsyncSession, ticket: Ticket, proposal: TriageProposal) -> TicketTriage:
    """The proposal, without what is no longer there to be proposed."""
    given = proposal.model_dump(
        mode="json", exclude={"decision_id", "duplicates", *_CHECKED, "organization_id"}
    )
    triage = TicketTriage(
        **given | {"ticket_id": ticket.id},
        id=proposal.decision_id,
        organization_id=proposal.organization_id,
        status=TriageStatus.PROPOSED,
        priority=None if proposal.priority is None else TicketPriority(proposal.priority),
        duplicates=await _duplicates(tx, ticket, proposal),
        document_ids=sorted({each.document_id for each in proposal.citations}),
        applied=[],
        kept=[],
        accepted=[],
    )
    if proposal.category_id is not None and await _has_category(tx, ticket, proposal.category_id):
        triage.category_id = proposal.category_id
        triage.category_confidence = proposal.category_confidence
    if proposal.team_id is not None and await _has_team(tx, ticket, proposal.team_id):
        triage.team_id = proposal.team_id
        triage.team_confidence = proposal.team_confidence
    tx.add(triage)
    await tx.flush()
    return triage


async def _duplicates(
    tx: AsyncSession, ticket: Ticket, proposal: TriageProposal
) -> list[dict[str, Any]]:
    """Those that are the same client's still."""
    named = [each.ticket_id for each in proposal.duplicates]
    mine = sa.select(Ticket.id).where(
        Ticket.organization_id == ticket.organization_id,
        Ticket.client_id == ticket.client_id,
        Ticket.id != ticket.id,
        Ticket.id.in_(named),
    )
    there = set(await tx.scalars(mine)) if named else set()
    return [each.model_dump(mode="json") for each in proposal.duplicates if each.ticket_id in there]


async def _has_category(tx: AsyncSession, ticket: Ticket, category_id: UUID) -> bool:
    try:
        await require_category(tx, ticket.organization_id, category_id)
    except (CategoryNotFound, CategoryArchived):
        return False
    return True


async def _has_team(tx: AsyncSession, ticket: Ticket, team_id: UUID) -> bool:
    try:
        await require_team(tx, ticket.organization_id, team_id)
    except TeamNotFound:
        return False
    return True


async def _apply(
    service: TicketService, ticket: Ticket, triage: TicketTriage, least: float
) -> None:
    """What is certain enough, through the tickets' own rules; never over what a person decided."""
    free = await _undecided(service.tx, ticket)
    values: dict[str, Any] = {}
    applied: list[str] = []
    kept: list[str] = []
    for field, value in _certain(triage, least):
        if getattr(ticket, COLUMNS[field]) == value:
            continue
        if field in free:
            values[COLUMNS[field]] = value
            applied.append(field.value)
        else:
            kept.append(field.value)
    if values:
        await service.change(ticket.id, values, None)
    status = TriageStatus.APPLIED if applied else triage.status
    triage.change({"applied": applied, "kept": kept, "status": status})


def _certain(triage: TicketTriage, least: float) -> Iterator[tuple[TriageField, Any]]:
    for field, column in COLUMNS.items():
        value = getattr(triage, column)
        confidence = getattr(triage, f"{field.value}_confidence")
        if value is not None and confidence is not None and confidence >= least:
            yield field, value


async def _undecided(tx: AsyncSession, ticket: Ticket) -> frozenset[TriageField]:
    """What no person has decided: neither when the ticket was opened nor since."""
    touched = await tx.scalars(
        sa.select(sa.func.unnest(_EVENTS.c.changed, type_=sa.Text()))
        .where(
            _EVENTS.c.organization_id == ticket.organization_id,
            _EVENTS.c.subject_id == ticket.id,
            _EVENTS.c.actor_id.is_not(None),
            _EVENTS.c.action != "ticket.created",
        )
        .distinct()
    )
    by_people = set(touched)
    alone = ticket.team_id is None and ticket.assignee_id is None
    open_fields = {
        TriageField.CATEGORY: ticket.category_id is None and "category_id" not in by_people,
        TriageField.TEAM: alone and not by_people & {"team_id", "assignee_id"},
        # Who opened it may have meant it: only what everybody starts with counts as not decided.
        TriageField.PRIORITY: ticket.priority is TicketPriority.NORMAL
        and "priority" not in by_people,
    }
    return frozenset(field for field, is_open in open_fields.items() if is_open)


async def _enter(tx: AsyncSession, ticket: Ticket, triage: TicketTriage, request_id: str) -> None:
    """In the log, and in the register of automated decisions (LGPD Art. 20): with what it did."""
    audit.record_by_system(
        tx,
        ticket.organization_id,
        "ticket_triage.applied" if triage.applied else "ticket_triage.proposed",
        triage.id,
        reason=BY_ASSISTANT,
        run_id=request_id,
        about=ticket.client_id,
        related={"ticket_id": ticket.id},
    )
    said = decided(triage).model_dump()
    payload = TicketTriagedPayload(ticket_id=ticket.id, **said)
    await tx.flush()
    await enter_triage(
        tx,
        ticket.organization_id,
        payload,
        source_id=triage.id,
        decided_at=utc_now(),
        run_id=request_id,
    )
