"""Applying one batch of rows under the run's fence: clients, errors and progress at once.

Whoever lost the lease writes nothing, and a batch that comes twice is applied once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.csv_reading import RecordProblem
from chassis.data.database import Database
from chassis.messaging import outbox
from chassis.messaging.job_queue import ClaimedJob, JobQueue, JobState, LeaseLost
from chassis.web.errors import DomainError
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.clients.bulk import ClientRows, Outcome, Problem, Result
from core_api.modules.clients.row_values import rules_of
from core_api.modules.imports.exceptions import (
    BatchOutOfTurn,
    ClientImportNotFound,
    ImportLeaseLost,
)
from core_api.modules.imports.internal_schemas import (
    Batch,
    BatchTaken,
    FailedRun,
    HeldRun,
    RunBegun,
    SentRow,
)
from core_api.modules.imports.mapping import KEYS, texts_of
from core_api.modules.imports.models import (
    ClientImportError,
    ClientImportRun,
    storage_prefix,
)
from core_api.modules.imports.repository import ClientImports
from core_api.modules.imports.service import ended, totals_of
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId

MAX_ROWS: Final = 100_000

_PROBLEMS: Final[Mapping[RecordProblem, str]] = MappingProxyType(
    {
        RecordProblem.TOO_LONG: "A linha é longa demais.",
        RecordProblem.UNCLOSED_QUOTE: "As aspas abertas nesta linha não se fecham.",
        RecordProblem.TOO_MANY_CELLS: "A linha tem colunas demais.",
        RecordProblem.CELL_TOO_LONG: "Uma célula é longa demais: até 10.000 caracteres.",
        RecordProblem.NUL: "A linha contém caracteres inválidos (NUL).",
    }
)
_CLASH: Final = "Outro cliente já tem este código externo."
_NOT_STORABLE: Final = "A linha não pôde ser gravada. Confira os valores."
_UNFIT: Final = (IntegrityError, DataError)


@dataclass(frozen=True, slots=True)
class ImportQueue:
    """The queue as its owner sees it: the worker claims, the owner writes."""

    database: Database
    queue: JobQueue

    async def begin(self, held: HeldRun, run_id: UUID) -> RunBegun:
        """What a worker has to know, also when it goes on where another one stopped."""
        try:
            async with self.queue.fenced(_job(held, run_id)) as session:
                imports = ClientImports(session, OrganizationId(held.organization_id))
                run = await imports.run(run_id)
                found = await imports.get(run.import_id)
                columns = [column for column, field in run.plan["mapping"] if field in KEYS]
                return RunBegun(
                    import_id=found.id,
                    storage_key=storage_prefix(found.organization_id, found.id),
                    size_bytes=found.size_bytes,
                    encoding=found.encoding,
                    delimiter=found.delimiter,
                    key_columns=columns,
                    max_rows=MAX_ROWS,
                    next_batch=run.next_batch,
                    rows_done=run.rows_done,
                )
        except LeaseLost:
            raise await self._lost(held, run_id) from None

    async def apply(self, import_id: UUID, batch: Batch) -> BatchTaken:
        """Everything of the batch or nothing. ImportLeaseLost, BatchOutOfTurn."""
        try:
            try:
                return await self._apply(import_id, batch, one_by_one=False)
            except _UNFIT:
                # Some row meets a constraint that only shows when it is written: find out which.
                return await self._apply(import_id, batch, one_by_one=True)
        except LeaseLost:
            raise await self._lost(batch, batch.run_id, import_id) from None

    async def fail(self, failed: FailedRun, run_id: UUID) -> None:
        """Ends a run that cannot go on. What it has imported stays. ImportLeaseLost."""
        job = _job(failed, run_id)
        try:
            async with self.queue.fenced(job) as session:
                run = await ClientImports(session, job.organization_id).run(run_id)
                await self.queue.fail_within(session, job, failed.code, failed.message, retry=False)
                totals = totals_of(run)
                changes = made({"error_code": failed.code} | totals)
                await _end(session, run, JobState.FAILED, "client_import.failed", changes, totals)
        except LeaseLost:
            raise await self._lost(failed, run_id) from None

    async def _lost(
        self, held: HeldRun, run_id: UUID, import_id: UUID | None = None
    ) -> DomainError:
        """Not held by the caller; or there is no such run at all."""
        organization_id = OrganizationId(held.organization_id)
        async with self.database.transaction(organization_id, read_only=True) as session:
            run = await ClientImports(session, organization_id).run(run_id)
        if run is None or import_id not in (None, run.import_id):
            return ClientImportNotFound()
        return ImportLeaseLost()

    async def _apply(self, import_id: UUID, batch: Batch, *, one_by_one: bool) -> BatchTaken:
        job = _job(batch, batch.run_id)
        async with self.queue.fenced(job) as session:
            run = await ClientImports(session, job.organization_id).run(batch.run_id)
            if run.import_id != import_id:
                raise ClientImportNotFound
            if batch.number < run.next_batch:
                return BatchTaken(next_batch=run.next_batch, rows_done=run.rows_done)
            if batch.number > run.next_batch:
                raise BatchOutOfTurn
            await _in_turn(session, run)
            results = await _Applied(session, run).results(batch.rows, one_by_one=one_by_one)
            session.add_all(_errors(run, batch.rows, results))
            counts = Counter(result.outcome for result in results)
            await session.execute(_progress(run, batch, counts))
            if batch.is_last:
                await _finish(session, run, counts)
                await self.queue.complete(session, job)
            return BatchTaken(
                next_batch=run.next_batch + 1, rows_done=run.rows_done + len(batch.rows)
            )


async def _in_turn(session: AsyncSession, run: Any) -> None:
    """One batch of an organization at a time. Two would write the same names and codes in the order
    of their files, and wait for each other in a circle."""
    name = sa.func.hashtextextended(f"client_import:{run.organization_id}", 0)
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))


class _Applied:
    """The rows of one batch, in the transaction that holds the run."""

    def __init__(self, session: AsyncSession, run: Any) -> None:
        self._session = session
        self._dry = run.dry_run
        self._mapping = run.plan["mapping"]
        self._actor = _actor(run)
        self._rules = rules_of(run.plan["kind"], clear_blanks=run.plan["blank"] == "clear")

    async def results(self, rows: Sequence[SentRow], *, one_by_one: bool) -> list[Result]:
        """One per row. A dry run has written nothing when this returns."""
        if one_by_one:
            return [await self._alone(row) for row in rows]
        savepoint = await self._session.begin_nested() if self._dry else None
        results = await self._together(rows)
        if savepoint is not None:
            await self._session.flush()
            await savepoint.rollback()
        return results

    async def _together(self, rows: Sequence[SentRow]) -> list[Result]:
        refused = {row.number: problem for row in rows if (problem := _refusal(row))}
        usable = [row for row in rows if row.number not in refused]
        clients = ClientRows(self._session, self._actor, self._rules)
        applied = await clients.apply([texts_of(self._mapping, row.cells) for row in usable])
        found = dict(zip((row.number for row in usable), applied, strict=True))
        return [
            found.get(row.number) or Result(Outcome.FAILED, (refused[row.number],)) for row in rows
        ]

    async def _alone(self, row: SentRow) -> Result:
        savepoint = await self._session.begin_nested()
        try:
            (result,) = await self._together([row])
            await self._session.flush()
        except _UNFIT as error:
            await savepoint.rollback()
            message = _CLASH if "uq_clients_external_id" in str(error) else _NOT_STORABLE
            return Result(Outcome.FAILED, (Problem(None, message),))
        if self._dry:
            await savepoint.rollback()
        else:
            await savepoint.commit()
        return result


def _refusal(row: SentRow) -> Problem | None:
    if row.problem is not None:
        return Problem(None, _PROBLEMS[row.problem])
    if row.repeats is not None:
        return Problem(None, f"A linha {row.repeats} do arquivo já é deste mesmo cliente.")
    return None


def _job(held: HeldRun, run_id: UUID) -> ClaimedJob:
    organization_id = OrganizationId(held.organization_id)
    return ClaimedJob(run_id, organization_id, held.lease_token, attempts=1, max_attempts=1)


def _actor(run: Any) -> Actor:
    """Who has started it: what changes is theirs, and the log says by which import."""
    return Actor(
        organization_id=OrganizationId(run.organization_id),
        user_id=UserId(run.started_by),
        roles=frozenset(),
        request_id=run.correlation_id,
        reason=f"Importação {run.import_id}",
    )


def _errors(
    run: Any, rows: Sequence[SentRow], results: Sequence[Result]
) -> list[ClientImportError]:
    columns = {field: column for column, field in reversed(run.plan["mapping"])}
    return [
        ClientImportError(
            organization_id=run.organization_id,
            run_id=run.id,
            row_number=row.number,
            cells=row.cells,
            problems=[
                {"column": columns.get(problem.field or ""), "message": problem.message}
                for problem in result.problems
            ],
        )
        for row, result in zip(rows, results, strict=True)
        if result.outcome is Outcome.FAILED
    ]


def _progress(run: Any, batch: Batch, counts: Mapping[Outcome, int]) -> sa.Update:
    done = run.rows_done + len(batch.rows)
    return (
        sa.update(ClientImportRun)
        .where(ClientImportRun.__table__.c.id == run.id)
        .values(
            next_batch=run.next_batch + 1,
            stage="importing",
            percent=min(99, 100 * done // max(batch.rows_total, 1)),
            rows_total=batch.rows_total,
            rows_done=done,
            **{
                f"rows_{outcome}": getattr(run, f"rows_{outcome}") + counts.get(outcome, 0)
                for outcome in Outcome
            },
        )
        .execution_options(synchronize_session=False)
    )


async def _finish(session: AsyncSession, run: Any, counts: Mapping[Outcome, int]) -> None:
    totals = {name: count + counts.get(Outcome(name), 0) for name, count in totals_of(run).items()}
    await _end(session, run, JobState.SUCCEEDED, "client_import.finished", made(totals), totals)


async def _end(
    session: AsyncSession,
    run: Any,
    status: JobState,
    action: str,
    changes: Changes,
    totals: Mapping[str, int],
) -> None:
    actor = _actor(run)
    outbox.add(session, ended(actor, run, status, totals))
    related = {"run_id": run.id}
    await audit.record(session, actor, action, run.import_id, changes=changes, related=related)
