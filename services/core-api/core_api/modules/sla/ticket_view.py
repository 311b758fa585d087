"""A ticket's service levels as a person reads them: computed from the ledger at this moment."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.sla.clock import (
    Calendars,
    EntryKind,
    Measure,
    Metric,
    TimerState,
    due_at,
    elapsed,
)
from core_api.modules.sla.ledger import Ledger, calendars_in
from core_api.modules.sla.models import SlaEntry
from core_api.modules.sla.policies import Policies
from core_api.modules.sla.rules import Timer
from core_api.modules.tickets.service import require_ticket
from shared_schemas.ids import OrganizationId

_SECOND: Final = timedelta(seconds=1)


class SlaTimerRead(BaseModel):
    """One measurement."""

    metric: Metric
    run: int = Field(description="Counts the answers waited for; 1 for the others", examples=[1])
    state: TimerState
    policy_id: UUID | None
    policy_revision: int | None
    measure: Measure
    target_seconds: int | None = Field(examples=[28800])
    elapsed_seconds: int = Field(description="In what the target counts in", examples=[3600])
    remaining_seconds: int | None = Field(description="Below zero once it is over")
    percent: int | None = Field(description="Of the target; may exceed 100", examples=[12])
    started_at: datetime
    stopped_at: datetime | None
    due_at: datetime | None = Field(description="Null while it rests and was not reached")
    breached_at: datetime | None


class SlaEntryRead(BaseModel):
    """One row of the ledger."""

    model_config = ConfigDict(from_attributes=True)

    metric: Metric
    run: int
    position: int
    kind: EntryKind
    at: datetime = Field(description="When it took effect")
    level: int | None = Field(examples=[80])
    policy_id: UUID | None
    policy_revision: int | None
    calendar_id: UUID | None
    calendar_revision: int | None
    target_seconds: int | None
    cause: str = Field(examples=["ticket.resolved"])
    actor_id: UUID | None
    created_at: datetime = Field(description="When it was written")


class TicketSlaRead(BaseModel):
    """How a ticket stands."""

    ticket_id: UUID
    due_at: datetime | None = Field(description="The next of its open timers")
    pending: bool = Field(description="A change of settings is still being applied to tickets")
    timers: list[SlaTimerRead]
    ledger: list[SlaEntryRead] = Field(description="In the order in which it was written")


async def view(tx: AsyncSession, organization_id: OrganizationId, ticket_id: UUID) -> TicketSlaRead:
    """The ticket's timers and ledger, or TicketNotFound. A fixed number of statements."""
    await require_ticket(tx, organization_id, ticket_id)
    ledger = Ledger(tx, organization_id)
    timers = (await ledger.timers([ticket_id]))[ticket_id]
    calendars = await ledger.calendars(calendars_in(timers))
    book = await Policies(tx, organization_id).book()
    now = utc_now()
    read = [_timer(timer, calendars, now) for timer in timers]
    open_dues = [
        shown.due_at
        for shown, timer in zip(read, timers, strict=True)
        if timer.is_open and shown.due_at is not None
    ]
    return TicketSlaRead(
        ticket_id=ticket_id,
        due_at=min(open_dues, default=None),
        pending=book.pending_since is not None,
        timers=read,
        ledger=[
            SlaEntryRead.model_validate(row) for row in await _rows(tx, organization_id, ticket_id)
        ],
    )


def _timer(timer: Timer, calendars: Calendars, now: datetime) -> SlaTimerRead:
    segment, terms = timer.now, timer.now.terms
    counted = elapsed(timer.entries, calendars, now if timer.is_open else segment.begin)
    target = terms.target
    breaches = (entry.at for entry in timer.entries if entry.kind is EntryKind.BREACH)
    return SlaTimerRead(
        metric=timer.metric,
        run=timer.run,
        state=segment.state,
        policy_id=terms.policy and terms.policy.id,
        policy_revision=terms.policy and terms.policy.revision,
        measure=terms.measure,
        target_seconds=None if target is None else target // _SECOND,
        elapsed_seconds=counted // _SECOND,
        remaining_seconds=None if target is None else (target - counted) // _SECOND,
        percent=None if target is None else counted * 100 // target,
        started_at=timer.entries[0].at,
        stopped_at=None if timer.is_open else segment.begin,
        due_at=due_at(timer.entries, calendars),
        breached_at=next(breaches, None),
    )


async def _rows(
    tx: AsyncSession, organization_id: OrganizationId, ticket_id: UUID
) -> Sequence[sa.Row[Any]]:
    table = SlaEntry.__table__
    statement = (
        sa.select(*table.c)
        .where(table.c.organization_id == organization_id, table.c.ticket_id == ticket_id)
        .order_by(table.c.created_at, table.c.id)
    )
    rows: Sequence[sa.Row[Any]] = (await tx.execute(statement)).all()
    return rows
