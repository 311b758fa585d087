"""Slow work: jobs are rows, claimed fairly, held under a lease, and written behind a fence.

A queue is a table with `job_columns()` in its owner's schema. A job is put into it with a plain
INSERT in the transaction that wants the work done; the worker role claims it across tenants.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import Instant, text_enum
from chassis.data.database import Database
from chassis.messaging import claims
from chassis.messaging.backoff import Backoff
from chassis.observability import metrics
from shared_schemas.ids import OrganizationId, new_id

_PATIENT: Final = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=10))
DEFAULT_PRIORITY: Final = 100
DEFAULT_MAX_ATTEMPTS: Final = 5
_MEASURE_EVERY: Final = 15.0


class JobState(StrEnum):
    """pending → processing → succeeded, failed, cancelled; or pending again for another attempt."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINISHED: Final = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class LeaseLost(Exception):
    """The job is no longer this worker's: its lease ran out, or it was cancelled or deleted."""


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job as it was claimed. `lease_token` is the fence: it grows with every claim."""

    id: UUID
    organization_id: OrganizationId
    lease_token: int
    attempts: int
    max_attempts: int
    payload: Mapping[str, Any] = field(default_factory=dict)
    claimed_at: float = field(default_factory=time.monotonic)

    @property
    def exhausted(self) -> bool:
        """More attempts than allowed were begun and none ended: it keeps killing workers."""
        return self.attempts > self.max_attempts


OnReport = Callable[[ClaimedJob], Awaitable[None]]


def job_columns() -> list[sa.schema.SchemaItem]:
    """The columns, and the indexes, every queue table has. The table adds what the job is about."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True, default=new_id),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            text_enum(JobState, "state"),
            nullable=False,
            default=JobState.PENDING,
            server_default=JobState.PENDING.value,
        ),
        # The smaller number goes first, within its organization; organizations take turns.
        sa.Column(
            "priority", sa.SmallInteger(), nullable=False, server_default=str(DEFAULT_PRIORITY)
        ),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column(
            "max_attempts",
            sa.SmallInteger(),
            nullable=False,
            server_default=str(DEFAULT_MAX_ATTEMPTS),
        ),
        sa.Column("run_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("lease_token", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("leased_by", sa.Text()),
        sa.Column("lease_expires_at", Instant),
        sa.Column("stage", sa.Text()),
        sa.Column("percent", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", Instant),
        sa.Index(
            None,
            "organization_id",
            "priority",
            "run_at",
            "id",
            postgresql_where=sa.text("state = 'pending'"),
        ),
        sa.Index(
            None,
            "organization_id",
            "lease_expires_at",
            postgresql_where=sa.text("state = 'processing'"),
        ),
        sa.Index(None, "finished_at", postgresql_where=sa.text("finished_at IS NOT NULL")),
    ]


class JobQueue:
    """Claims and settles the jobs of one table, for many workers in many processes."""

    def __init__(
        self,
        database: Database,
        table: sa.Table,
        *,
        lease: timedelta = timedelta(seconds=60),
        backoff: Backoff = _PATIENT,
        on_report: "OnReport | None" = None,
    ) -> None:
        """`on_report` hears of progress after it was written; it must not raise."""
        self.table = table
        self.lease = lease
        self._database = database
        self._backoff = backoff
        self._on_report = on_report
        self._next_measure = 0.0
        self._statements = claims.Statements(table)
        self._payload = [name for name in table.columns.keys() if name not in _MECHANICS]  # noqa: SIM118 - a collection of columns, not a dict

    @property
    def name(self) -> str:
        """For metrics and logs."""
        return self.table.name

    async def claim(self, worker: str, limit: int) -> list[ClaimedJob]:
        """Takes up to `limit` due jobs for `worker`, organizations in turn.

        Jobs whose lease ran out are taken over first. Fewer than `limit` may come back while other
        workers claim at the same moment.
        """
        await self._measure_now_and_then()
        wanted = {"worker": worker, "limit": limit, "lease": self.lease}
        run = self._database.worker_statement
        rows = await run(self._statements.claim, wanted)
        while not rows and await run(self._statements.overlooked):
            rows = await run(self._statements.claim, wanted)
        in_turn = sorted(rows, key=lambda row: row.turn)
        return [self._claimed(row._mapping) for row in in_turn]  # noqa: SLF001 - it is public

    def _claimed(self, row: Mapping[Any, Any]) -> ClaimedJob:
        return ClaimedJob(
            id=row["id"],
            organization_id=OrganizationId(row["organization_id"]),
            lease_token=row["lease_token"],
            attempts=row["attempts"],
            max_attempts=row["max_attempts"],
            payload={name: row[name] for name in self._payload},
        )

    async def heartbeat(self, jobs: Iterable[ClaimedJob]) -> list[ClaimedJob]:
        """Extends the leases of `jobs`; returns those that are lost, whose work must stop."""
        await self._measure_now_and_then()
        held = list(jobs)
        if not held:
            return []
        kept = await self._database.worker_statement(
            self._statements.heartbeat,
            {
                "ids": [job.id for job in held],
                "tokens": [job.lease_token for job in held],
                "lease": self.lease,
            },
        )
        # By token: this very worker may have claimed again what it had lost.
        alive = {(row.id, row.lease_token) for row in kept}
        return [job for job in held if (job.id, job.lease_token) not in alive]

    async def report(self, job: ClaimedJob, stage: str, percent: int) -> None:
        """Shows how far the job is (0-100) and extends its lease. Raises LeaseLost."""
        held = await self._database.worker_statement(
            self._statements.report,
            {
                "id": job.id,
                "token": job.lease_token,
                "stage": stage,
                "percent": percent,
                "lease": self.lease,
            },
        )
        if not held:
            raise LeaseLost
        if self._on_report is not None:
            await self._on_report(job)

    @asynccontextmanager
    async def fenced(self, job: ClaimedJob) -> AsyncIterator[AsyncSession]:
        """A transaction of the job's tenant that holds the job's row. Raises LeaseLost.

        Until it ends nobody else can claim or cancel the job: what is written here is written once.
        """
        async with self._database.transaction(job.organization_id) as session:
            held = await session.execute(
                self._statements.fence, {"id": job.id, "token": job.lease_token}
            )
            if held.first() is None:
                metrics.JOBS_FINISHED.labels(self.name, "lost").inc()
                raise LeaseLost
            yield session
        outcome = session.info.get(_OUTCOME)  # committed by now
        if outcome is not None:
            metrics.JOBS_FINISHED.labels(self.name, outcome).inc()
            metrics.JOB_DURATION.labels(self.name).observe(time.monotonic() - job.claimed_at)

    async def complete(self, session: AsyncSession, job: ClaimedJob) -> None:
        """Marks the job as succeeded, within `fenced`."""
        done = await session.execute(self._statements.complete, completing(job))
        note_completed(session, done.scalar())

    async def fail(self, job: ClaimedJob, code: str, message: str, *, retry: bool) -> JobState:
        """Gives the job another attempt after a pause, or marks it as failed. Raises LeaseLost.

        `message` is for people, in Brazilian Portuguese.
        """
        async with self.fenced(job) as session:
            return await self.fail_within(session, job, code, message, retry=retry)

    async def fail_within(
        self, session: AsyncSession, job: ClaimedJob, code: str, message: str, *, retry: bool
    ) -> JobState:
        """The same within `fenced`, for a worker that writes down the failure elsewhere too."""
        state = self.state_after_failure(job, retry=retry)
        changes: dict[str, Any] = (
            {"run_at": sa.func.clock_timestamp() + self._backoff.after(job.attempts)}
            if state is JobState.PENDING
            else {"finished_at": sa.func.clock_timestamp()}
        )
        await self._settle(
            session,
            job,
            state=state,
            error_code=code,
            error_message=message,
            **_RELEASED,
            **changes,
        )
        session.info[_OUTCOME] = "retried" if state is JobState.PENDING else "failed"
        return state

    def state_after_failure(self, job: ClaimedJob, *, retry: bool) -> JobState:
        """What `fail` makes of the job: pending while attempts are left, else failed."""
        again = retry and job.attempts < job.max_attempts
        return JobState.PENDING if again else JobState.FAILED

    async def give_back(self, job: ClaimedJob) -> None:
        """Returns a job as if it had not been claimed. Raises LeaseLost."""
        async with self._database.worker_transaction() as session:
            await self._settle(
                session,
                job,
                state=JobState.PENDING,
                attempts=self.table.c.attempts - 1,
                stage=None,
                percent=0,
                **_RELEASED,
            )

    async def cancel(self, session: AsyncSession, job_id: UUID) -> bool:
        """Cancels an unfinished job in the caller's transaction; its worker loses the lease."""
        columns = self.table.c
        cancelled = await session.execute(
            sa.update(self.table)
            .where(
                columns.id == job_id,
                columns.organization_id == session.info["organization_id"],
                columns.state.in_((JobState.PENDING, JobState.PROCESSING)),
            )
            .values(
                state=JobState.CANCELLED,
                finished_at=sa.func.clock_timestamp(),
                updated_at=sa.func.clock_timestamp(),
                **_RELEASED,
            )
            .returning(columns.id)
        )
        return cancelled.first() is not None

    async def prune(self, older_than: timedelta, *, limit: int = 10_000) -> int:
        """Deletes up to `limit` jobs that finished longer ago than that."""
        columns = self.table.c
        old = (
            sa.select(columns.id)
            .where(columns.finished_at < sa.func.now() - older_than)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.worker_transaction() as session:
            gone = await session.execute(
                sa.delete(self.table).where(columns.id.in_(old)).returning(columns.id)
            )
            return len(gone.all())

    async def measure(self) -> None:
        """Sets the gauges of depth and age."""
        found = await self._database.worker_statement(self._statements.depth)
        jobs = {row.state: row for row in found}
        for state in (JobState.PENDING, JobState.PROCESSING):
            row = jobs.get(state.value)
            metrics.QUEUE_DEPTH.labels(self.name, state.value).set(row.jobs if row else 0)
        waiting = jobs.get(JobState.PENDING.value)
        seconds = float(waiting.seconds) if waiting else 0.0
        metrics.QUEUE_AGE.labels(self.name).set(max(0.0, seconds))

    async def _measure_now_and_then(self) -> None:
        if time.monotonic() >= self._next_measure:
            self._next_measure = time.monotonic() + _MEASURE_EVERY
            await self.measure()

    async def _settle(self, session: AsyncSession, job: ClaimedJob, **values: Any) -> None:
        """Writes to the job's row if it is still held under the same token."""
        columns = self.table.c
        held = await session.execute(
            sa.update(self.table)
            .where(
                columns.id == job.id,
                columns.lease_token == job.lease_token,
                columns.state == JobState.PROCESSING,
            )
            .values(updated_at=sa.func.clock_timestamp(), **values)
            .returning(columns.id)
        )
        if held.first() is None:
            raise LeaseLost


def completing(job: ClaimedJob) -> dict[str, Any]:
    """The parameters of `claims.completion`."""
    return {"completed_id": job.id, "completed_token": job.lease_token}


def note_completed(session: AsyncSession, job_id: UUID | None) -> None:
    """After `claims.completion` ran in another statement, within `fenced`, and has returned this.
    Raises LeaseLost."""
    if job_id is None:
        raise LeaseLost
    session.info[_OUTCOME] = "succeeded"


_MECHANICS: Final = frozenset(
    column.name for column in job_columns() if isinstance(column, sa.Column)
)
_OUTCOME: Final = "job_outcome"
_RELEASED: Final[dict[str, Any]] = {"leased_by": None, "lease_expires_at": None}
