"""Claiming and finishing jobs: our queue against procrastinate's, on the same PostgreSQL."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status
from procrastinate.manager import JobManager

from bench.chassis_database import open_database
from bench.figures import Goal, Outcome, figure, ratios
from bench.servers import Servers, running_servers
from chassis.data.database import Database
from chassis.messaging.job_queue import JobQueue
from knowledge.models import SCHEMA, IngestionJob

_JOBS = 1_000
_ORGANIZATIONS = 20
_ROUNDS = 4
_BATCH = 8  # the slots of a worker-svc process: what it claims at once when it is idle
_WORKERS = 4

METHOD = f"""
{_JOBS:,} pending jobs of {_ORGANIZATIONS} organizations in each queue, filled by SQL outside
the measurement, then worked off to the last by the same number of concurrent workers in one
process, each with a connection of its own, on one durable PostgreSQL: ours in
`ai.ingestion_queue` (row-level security, fairness between organizations, leases, fencing
tokens) through `chassis.messaging.job_queue`; theirs in a database of its own through
procrastinate's `JobManager` over its psycopg pool. *Claims*: ours is `claim(limit={_BATCH})`,
the slots of a worker-svc process, theirs `fetch_job`, which takes one; with limit 1 the round
trips are the same in number. *Claim and finish*: ours is `claim`, then `fenced` + `complete`
for each job, one transaction per job; theirs is `fetch_job`, then `finish_job(succeeded)`,
the loop of its worker. Rounds alternate; ratios are of neighbours.
"""

_FILL_OURS = """
WITH organization AS (
    SELECT gen_random_uuid() AS id FROM generate_series(1, $1)
), document AS (
    INSERT INTO ai.documents (id, organization_id, title, source_type, chunking, status,
                              submitted_by, tags, version)
    SELECT gen_random_uuid(), organization.id, 'bench', 'text', 'semantic', 'pending',
           organization.id, '{}', 1
    FROM organization, generate_series(1, $2)
    RETURNING id, organization_id
)
INSERT INTO ai.ingestion_queue (id, organization_id, document_id, correlation_id)
SELECT gen_random_uuid(), organization_id, id, 'bench' FROM document
"""
_FILL_THEIRS = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'organization-' || organization, 'ingest',
       jsonb_build_object('document_id', gen_random_uuid())
FROM generate_series(1, $1) AS organization, generate_series(1, $2)
"""


@dataclass(frozen=True, slots=True)
class _Queues:
    ours: JobQueue
    theirs: JobManager
    their_worker: int
    our_admin: asyncpg.Connection
    their_admin: asyncpg.Connection


async def measure() -> Outcome:
    """Run all variants in alternating rounds."""
    variants: dict[str, Callable[[_Queues], Awaitable[float]]] = {
        "ours": lambda q: _ours(q, _WORKERS, _BATCH, finish=True),
        "theirs": lambda q: _theirs(q, _WORKERS, finish=True),
        "ours, claims": lambda q: _ours(q, _WORKERS, _BATCH, finish=False),
        "ours, claims of 1": lambda q: _ours(q, _WORKERS, 1, finish=False),
        "theirs, claims": lambda q: _theirs(q, _WORKERS, finish=False),
    }
    rates: dict[str, list[float]] = {name: [] for name in variants}
    with running_servers() as servers:
        async with AsyncExitStack() as stack:
            queues = await _open(stack, servers)
            for round_number in range(_ROUNDS + 1):
                for name, work_off in variants.items():
                    await _fill(queues)
                    rate = await work_off(queues)
                    if round_number:  # the first round warms caches and plans up
                        rates[name].append(rate)
    return _outcome(rates)


def _outcome(rates: dict[str, list[float]]) -> Outcome:
    twice = Goal(at_least=2)
    return Outcome(
        METHOD,
        [
            ratios(
                f"claims, {_WORKERS} workers, ours (limit {_BATCH}) over procrastinate's",
                rates["ours, claims"],
                rates["theirs, claims"],
                twice,
            ),
            ratios(
                f"claim and finish, {_WORKERS} workers, ours (limit {_BATCH}) over theirs",
                rates["ours"],
                rates["theirs"],
                None,
            ),
            ratios(
                f"claims, {_WORKERS} workers, ours (limit 1) over theirs",
                rates["ours, claims of 1"],
                rates["theirs, claims"],
                None,
            ),
            *(figure(name, values, "jobs/s") for name, values in rates.items()),
        ],
    )


async def _open(stack: AsyncExitStack, servers: Servers) -> _Queues:
    database: Database = await stack.enter_async_context(
        open_database(servers, SCHEMA, workers=_WORKERS)
    )
    our_admin = await asyncpg.connect(servers.plain_url("postgres"))
    stack.push_async_callback(our_admin.close)
    await our_admin.execute("CREATE DATABASE procrastinate")
    their_url = servers.plain_url("postgres", "procrastinate")
    their_admin = await asyncpg.connect(their_url)
    stack.push_async_callback(their_admin.close)
    app = App(connector=PsycopgConnector(conninfo=their_url, min_size=_WORKERS, max_size=_WORKERS))
    await stack.enter_async_context(app.open_async())
    await app.schema_manager.apply_schema_async()
    table: Any = IngestionJob.__table__
    return _Queues(
        ours=JobQueue(database, table),
        theirs=app.job_manager,
        their_worker=await app.job_manager.register_worker(),
        our_admin=our_admin,
        their_admin=their_admin,
    )


async def _fill(queues: _Queues) -> None:
    per_organization = _JOBS // _ORGANIZATIONS
    await queues.our_admin.execute("TRUNCATE ai.ingestion_queue, ai.documents CASCADE")
    await queues.our_admin.execute(_FILL_OURS, _ORGANIZATIONS, per_organization)
    await queues.our_admin.execute("VACUUM ANALYZE ai.ingestion_queue")
    await queues.their_admin.execute("TRUNCATE procrastinate_jobs CASCADE")
    await queues.their_admin.execute(_FILL_THEIRS, _ORGANIZATIONS, per_organization)
    await queues.their_admin.execute("VACUUM ANALYZE procrastinate_jobs, procrastinate_events")
    await queues.our_admin.execute("CHECKPOINT")


async def _ours(queues: _Queues, workers: int, limit: int, *, finish: bool) -> float:
    queue = queues.ours

    async def work(number: int) -> int:
        done = 0
        while jobs := await queue.claim(f"bench-{number}", limit):
            for job in jobs if finish else ():
                async with queue.fenced(job) as session:
                    await queue.complete(session, job)
            done += len(jobs)
        return done

    return await _rate(work, workers)


async def _theirs(queues: _Queues, workers: int, *, finish: bool) -> float:
    manager = queues.theirs

    async def work(_number: int) -> int:
        done = 0
        while job := await manager.fetch_job(queues=None, worker_id=queues.their_worker):
            if finish:
                await manager.finish_job(job, status=Status.SUCCEEDED, delete_job=False)
            done += 1
        return done

    return await _rate(work, workers)


async def _rate(work: Callable[[int], Awaitable[int]], workers: int) -> float:
    started = time.perf_counter()
    done = sum(await asyncio.gather(*(work(number) for number in range(workers))))
    seconds = time.perf_counter() - started
    if done < _JOBS:
        raise AssertionError(f"{done} of {_JOBS} jobs were claimed")
    return done / seconds
