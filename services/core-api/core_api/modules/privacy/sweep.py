"""The sweep: warns before deadlines, and tells those that have passed.

Any number may run at once and any may be killed: each batch is one transaction, passes by requests
somebody is working on, and what it tells is a row that can be there only once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.changes import made
from core_api.modules.privacy.deadlines import next_warning, reached
from core_api.modules.privacy.kinds import StepKind
from core_api.modules.privacy.metrics import MISSED, WARNED
from core_api.modules.privacy.models import PrivacyRequest, PrivacyRequestStep
from core_api.recording import Recorder
from shared_schemas.events import PrivacyDeadlineWarned
from shared_schemas.ids import OrganizationId, new_id

BATCH: Final = 50
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
_REASON: Final = "o prazo do pedido do titular"


@dataclass(kw_only=True)
class Told:
    """What a sweep did."""

    warned: int = 0
    missed: int = 0

    def add(self, batch: "Told") -> None:
        """Counts a batch that is committed, here and for Prometheus."""
        self.warned += batch.warned
        self.missed += batch.missed
        WARNED.inc(batch.warned)
        MISSED.inc(batch.missed)


async def watch_deadlines(database: Database, correlation_id: str, *, batch: int = BATCH) -> Told:
    """Tells what is due to be told, in every organization."""
    until, told = monotonic() + _BUDGET.total_seconds(), Told()
    due = sa.select(PrivacyRequest.organization_id).where(
        PrivacyRequest.next_warning_at <= utc_now()
    )
    found = await database.worker_statement(due.distinct())
    for organization_id in [OrganizationId(row[0]) for row in found]:
        more = True
        while more and monotonic() < until:
            done = Told()
            async with database.transaction(organization_id) as tx:
                more = await _tell(tx, organization_id, correlation_id, batch, done) == batch
            told.add(done)
    return told


async def _tell(
    tx: AsyncSession,
    organization_id: OrganizationId,
    correlation_id: str,
    batch: int,
    told: Told,
) -> int:
    """One batch; how many requests."""
    now = utc_now()
    recorder = Recorder(organization_id, correlation_id, reason=_REASON)
    requests = await _due(tx, organization_id, now, batch)
    for request in requests:
        level = reached(request, now)
        if level is not None and await _once(tx, request, level, now):
            told.missed += level == 0
            told.warned += level > 0
            await _spread(tx, recorder, request, level)
        request.next_warning_at = next_warning(request, now)  # none after the end
    await tx.flush()
    return len(requests)


async def _due(
    tx: AsyncSession, organization_id: OrganizationId, now: datetime, limit: int
) -> Sequence[PrivacyRequest]:
    statement = (
        sa.select(PrivacyRequest)
        .where(
            PrivacyRequest.organization_id == organization_id,
            PrivacyRequest.next_warning_at <= now,
        )
        .order_by(PrivacyRequest.next_warning_at, PrivacyRequest.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await tx.scalars(statement)).all()


async def _once(tx: AsyncSession, request: PrivacyRequest, level: int, now: datetime) -> bool:
    """Whether nobody has told it yet of this deadline; from now on somebody has."""
    values: dict[str, Any] = {
        "id": new_id(),
        "organization_id": request.organization_id,
        "request_id": request.id,
        "client_id": request.client_id,
        "kind": StepKind.DEADLINE_WARNED if level else StepKind.DEADLINE_MISSED,
        "occurred_at": now,
        "details": {"days_left": level, "due_at": request.due_at.isoformat()},
        "warning_days": level,
        "warned_for": request.due_at,
    }
    statement = insert(PrivacyRequestStep).values(**values).on_conflict_do_nothing()
    written = await tx.execute(statement.returning(PrivacyRequestStep.id))
    return written.one_or_none() is not None


async def _spread(
    tx: AsyncSession, recorder: Recorder, request: PrivacyRequest, level: int
) -> None:
    kind = StepKind.DEADLINE_WARNED if level else StepKind.DEADLINE_MISSED
    await recorder.note(
        tx,
        f"privacy_request.{kind.value}",
        request.id,
        changes=made({"days_left": level, "due_at": request.due_at}),
        about=request.client_id,
        related={"client_id": request.client_id},
    )
    recorder.tell(
        tx,
        PrivacyDeadlineWarned,
        privacy_request_id=request.id,
        client_id=request.client_id,
        type=request.type.value,
        days_left=level,
    )
