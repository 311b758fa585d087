"""The sweep: what will be overdue soon, or is, is told, for all organizations.

Any number may run at once and any may be killed: a batch is one transaction that locks what it
tells, passes by what another one is telling, and counts it in the row.
"""

from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.messaging import outbox
from core_api.modules.audit import service as audit
from core_api.modules.deadlines.models import Deadline
from shared_schemas.events import DeadlineWarned
from shared_schemas.ids import OrganizationId

BATCH: Final = 50
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
_REASON: Final = "o prazo está próximo ou venceu"


@dataclass(kw_only=True)
class Warned:
    """What a sweep told."""

    warned: int = 0
    overdue: int = 0


async def warn(database: Database, correlation_id: str, *, batch: int = BATCH) -> Warned:
    """Tells what is to be told in every organization, once."""
    until, told = monotonic() + _BUDGET.total_seconds(), Warned()
    due = sa.select(Deadline.organization_id).where(Deadline.next_at <= utc_now())
    found = await database.worker_statement(due.distinct())
    for organization_id in [OrganizationId(row[0]) for row in found]:
        more = True
        while more and monotonic() < until:
            async with database.transaction(organization_id) as tx:
                overdue = await _warn(tx, organization_id, correlation_id, batch)
            told.overdue += sum(overdue)
            told.warned += len(overdue) - sum(overdue)
            more = len(overdue) == batch
    return told


async def _warn(
    tx: AsyncSession, organization_id: OrganizationId, correlation_id: str, batch: int
) -> list[bool]:
    """One batch; of each, whether it is overdue."""
    now = utc_now()
    statement = (
        sa.select(Deadline)
        .where(Deadline.organization_id == organization_id, Deadline.next_at <= now)
        .order_by(Deadline.next_at, Deadline.id)
        .limit(batch)
        .with_for_update(skip_locked=True)
    )
    told = []
    for deadline in (await tx.scalars(statement)).all():
        overdue = deadline.reach(now)
        told.append(overdue)
        outbox.add(tx, _event(deadline, correlation_id, overdue=overdue))
        audit.record_by_system(
            tx,
            organization_id,
            "deadline.missed" if overdue else "deadline.warned",
            deadline.id,
            reason=_REASON,
            run_id=correlation_id,
            related={"subject_id": deadline.subject_id},
        )
    return told


def _event(deadline: Deadline, correlation_id: str, *, overdue: bool) -> DeadlineWarned:
    return DeadlineWarned.caused(
        organization_id=deadline.organization_id,
        correlation_id=correlation_id,
        deadline_id=deadline.id,
        subject_type=deadline.subject_type.value,
        subject_id=deadline.subject_id,
        kind=deadline.kind.value,
        due_at=deadline.due_at,
        overdue=overdue,
    )
