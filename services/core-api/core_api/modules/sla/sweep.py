"""The sweep: levels that were reached and settings that changed, for all organizations.

Any number may run at once and any may be killed: each batch is one transaction, locks its tickets,
passes by those somebody is working on, and what it tells is a row that can be there only once.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.sla.ledger import Cause, Page
from core_api.modules.sla.models import SlaRecomputation, SlaTimer
from core_api.modules.sla.service import TicketFacts, apply
from core_api.modules.tickets.timekeeping import (
    lock_for_timekeeping,
    lock_open_after,
    set_due_times,
)
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

BATCH: Final = 50
"""Tickets per transaction: some 30 ms of work, so that requests of the same process hardly wait."""
_SWEEP: Final = "sla.sweep"
_RECOMPUTED: Final = "sla.recomputed"
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""


@dataclass(kw_only=True)
class Swept:
    """What a sweep did."""

    warned: int = 0
    breached: int = 0
    recomputed: int = 0
    skipped: int = 0

    def count(self, pages: list[Page]) -> None:
        """Adds what was told on these pages."""
        for page in pages:
            for timer in page.changed:
                for entry in timer.entries[timer.known :]:
                    self.warned += entry.level is not None
                    self.breached += entry.level == 100


@dataclass(kw_only=True)
class Sweep:
    """One sweep over everything that is due."""

    database: Database
    correlation_id: str
    batch: int = BATCH
    budget: timedelta = _BUDGET
    swept: Swept = field(default_factory=Swept)

    async def run(self) -> Swept:
        """A batch of each organization in turn, until nothing is due or the time is used up."""
        until = monotonic() + self.budget.total_seconds()
        passed: dict[OrganizationId, set[UUID]] = {}
        waiting = await self._organizations()
        while waiting and monotonic() < until:
            for organization_id in list(waiting):
                by = passed.setdefault(organization_id, set())
                more = await self._recompute(organization_id)
                more |= await self._tell(organization_id, by)
                if not more:
                    waiting.remove(organization_id)
        self.swept.skipped = sum(map(len, passed.values()))
        return self.swept

    async def _organizations(self) -> list[OrganizationId]:
        """Those with something to do; the worker role sees no more than that of anybody."""
        due = sa.select(SlaTimer.organization_id).where(SlaTimer.next_at < utc_now())
        pending = sa.select(SlaRecomputation.organization_id).where(
            SlaRecomputation.finished_at.is_(None)
        )
        rows = await self.database.worker_statement(sa.union(due, pending))
        return [OrganizationId(row[0]) for row in rows]

    async def _tell(self, organization_id: OrganizationId, passed: set[UUID]) -> bool:
        """One batch of due timers; whether there may be more."""
        async with self.database.transaction(organization_id) as tx:
            due = await _due(tx, organization_id, passed, self.batch)
            tickets = await lock_for_timekeeping(tx, organization_id, due) if due else []
            pages = await self._apply(tx, organization_id, tickets, _SWEEP, None)
        self.swept.count(pages)
        # Somebody works on these just now, or there was nothing to tell: not again in this sweep.
        passed |= set(due) - {page.ticket_id for page in pages}
        return bool(due)

    async def _recompute(self, organization_id: OrganizationId) -> bool:
        """One batch of open tickets for the oldest pending change; whether there may be more."""
        async with self.database.transaction(organization_id) as tx:
            job = await _oldest_pending(tx, organization_id)
            if job is None:
                return False
            tickets = await lock_open_after(tx, organization_id, job.after_ticket_id, self.batch)
            pages = await self._apply(tx, organization_id, tickets, _RECOMPUTED, job.requested_at)
            job.tickets += len(tickets)
            if tickets:
                job.after_ticket_id = tickets[-1].ticket_id
            if len(tickets) < self.batch:
                job.finished_at = utc_now()
        self.swept.recomputed += len(tickets)
        self.swept.count(pages)
        return True

    async def _apply(
        self,
        tx: AsyncSession,
        organization_id: OrganizationId,
        tickets: list[TicketFacts],
        what: str,
        since: datetime | None,
    ) -> list[Page]:
        if not tickets:
            return []
        cause = Cause(what=what, actor_id=None, correlation_id=self.correlation_id)
        try:
            async with tx.begin_nested():
                return await _advance(tx, organization_id, tickets, cause, since)
        except Exception as error:  # noqa: BLE001 - one bad ticket must not stop the others
            if len(tickets) == 1:
                _log.exception("sla_ticket_failed", ticket_id=str(tickets[0].ticket_id))
                return []
            _log.warning("sla_batch_failed", cause=type(error).__name__, tickets=len(tickets))
        pages = []
        for ticket in tickets:
            pages += await self._apply(tx, organization_id, [ticket], what, since)
        return pages


async def _advance(
    tx: AsyncSession,
    organization_id: OrganizationId,
    tickets: list[TicketFacts],
    cause: Cause,
    since: datetime | None,
) -> list[Page]:
    pages = await apply(tx, organization_id, tickets, utc_now(), cause, since)
    # A level that is told moves no due time: only what was counted otherwise does.
    moved = [page for page in pages if page.moves_due_times]
    await set_due_times(tx, organization_id, {page.ticket_id: page.due() for page in moved})
    return pages


async def _due(
    tx: AsyncSession, organization_id: OrganizationId, passed: set[UUID], limit: int
) -> list[UUID]:
    """Tickets with a level that was reached and not told, the longest ago first."""
    statement = (
        sa.select(SlaTimer.ticket_id)
        .where(SlaTimer.organization_id == organization_id, SlaTimer.next_at < utc_now())
        .order_by(SlaTimer.next_at, SlaTimer.ticket_id)
        .limit(limit)
    )
    if passed:
        statement = statement.where(SlaTimer.ticket_id.not_in(passed))
    return list(dict.fromkeys(await tx.scalars(statement)))


async def _oldest_pending(
    tx: AsyncSession, organization_id: OrganizationId
) -> SlaRecomputation | None:
    """Locked; None as well while another sweep is at one: they are applied in their order."""
    statement = (
        sa.select(SlaRecomputation)
        .where(
            SlaRecomputation.organization_id == organization_id,
            SlaRecomputation.finished_at.is_(None),
        )
        .order_by(SlaRecomputation.requested_at, SlaRecomputation.id)
        .limit(1)
    )
    job = (await tx.scalars(statement)).one_or_none()
    if job is None:
        return None
    locked = sa.select(SlaRecomputation).where(
        SlaRecomputation.organization_id == organization_id,
        SlaRecomputation.id == job.id,
        SlaRecomputation.finished_at.is_(None),
    )
    fresh = locked.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return (await tx.scalars(fresh)).one_or_none()
