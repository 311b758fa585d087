"""Jobs: claimed once and fairly, held under a lease, written behind a fence."""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from chassis_data_schema import ERRANDS
from chassis_messaging_factories import AURORA, BOREAL
from prometheus_client import REGISTRY

from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, JobQueue, JobState, LeaseLost
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

NOW = Backoff(first=timedelta(0), longest=timedelta(0))


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database, ERRANDS, backoff=NOW)


@pytest.fixture
def hasty(database: Database) -> JobQueue:
    """The same queue, seen by a worker whose leases run out at once."""
    return JobQueue(database, ERRANDS, lease=timedelta(0), backoff=NOW)


async def enqueue(
    database: Database,
    count: int = 1,
    organization_id: OrganizationId = AURORA,
    **columns: Any,
) -> list[UUID]:
    ids = [new_id() for _ in range(count)]
    async with database.transaction(organization_id) as session:
        await session.execute(
            sa.insert(ERRANDS),
            [
                {"id": job_id, "organization_id": organization_id, "what": "x"} | columns
                for job_id in ids
            ],
        )
    return ids


async def row(superuser: asyncpg.Connection, job_id: UUID) -> Any:
    return await superuser.fetchrow("SELECT * FROM chassis_test.errands WHERE id = $1", job_id)


async def write(queue: JobQueue, job: ClaimedJob) -> None:
    """What a worker does at the end of its work."""
    async with queue.fenced(job) as session:
        await queue.complete(session, job)


async def test_a_job_is_claimed_with_its_payload(database: Database, queue: JobQueue) -> None:
    (job_id,) = await enqueue(database, what="buy milk")
    (job,) = await queue.claim("w1", 10)
    assert (job.id, job.organization_id, job.attempts) == (job_id, AURORA, 1)
    assert job.payload == {"what": "buy milk"}


async def test_a_claimed_job_is_not_claimed_again(database: Database, queue: JobQueue) -> None:
    await enqueue(database)
    assert len(await queue.claim("w1", 10)) == 1
    assert await queue.claim("w2", 10) == []


async def test_many_workers_claim_every_job_once(database: Database, queue: JobQueue) -> None:
    ids = await enqueue(database, 60) + await enqueue(database, 60, BOREAL)

    async def work(name: str) -> list[UUID]:
        mine: list[UUID] = []
        while jobs := await queue.claim(name, 3):
            mine += [job.id for job in jobs]
        return mine

    found = await asyncio.gather(*(work(f"w{n}") for n in range(8)))
    assert sorted(chain.from_iterable(found)) == sorted(ids)


async def test_organizations_take_turns(database: Database, queue: JobQueue) -> None:
    await enqueue(database, 100, AURORA)
    await enqueue(database, 3, BOREAL)
    jobs = await queue.claim("w1", 6)
    assert Counter(job.organization_id for job in jobs) == {AURORA: 3, BOREAL: 3}


async def test_many_organizations_get_one_each_before_any_gets_two(
    database: Database, queue: JobQueue
) -> None:
    organizations = [OrganizationId(new_id()) for _ in range(30)]
    for organization_id in organizations:
        await enqueue(database, 5, organization_id)
    jobs = await queue.claim("w1", 30)
    assert {job.organization_id for job in jobs} == set(organizations)


async def test_what_an_organization_has_running_counts(database: Database, queue: JobQueue) -> None:
    await enqueue(database, 100, AURORA)
    await queue.claim("w1", 5)
    await enqueue(database, 5, BOREAL)
    jobs = await queue.claim("w1", 5)
    assert {job.organization_id for job in jobs} == {BOREAL}


async def test_the_smaller_priority_goes_first_within_its_organization(
    database: Database, queue: JobQueue
) -> None:
    await enqueue(database, 3, priority=100)
    (urgent,) = await enqueue(database, priority=1)
    (first,) = await queue.claim("w1", 1)
    assert first.id == urgent


async def test_a_job_for_later_is_not_due(database: Database, queue: JobQueue) -> None:
    await enqueue(database, run_at=datetime.now(UTC) + timedelta(hours=1))
    assert await queue.claim("w1", 1) == []


async def test_completing_ends_the_job(
    database: Database, queue: JobQueue, superuser: asyncpg.Connection
) -> None:
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    await write(queue, job)
    found = await row(superuser, job.id)
    assert (found["state"], found["percent"], found["leased_by"]) == ("succeeded", 100, None)
    assert found["finished_at"] is not None


async def test_a_lost_lease_is_taken_over_and_the_old_worker_cannot_write(
    database: Database, queue: JobQueue, hasty: JobQueue, superuser: asyncpg.Connection
) -> None:
    await enqueue(database)
    (stopped,) = await hasty.claim("stopped", 1)
    (second,) = await queue.claim("second", 1)
    assert (second.id, second.attempts) == (stopped.id, 2)
    for attempt in (
        write(queue, stopped),
        queue.report(stopped, "index", 50),
        queue.fail(stopped, "X", "x", retry=True),
        queue.give_back(stopped),
    ):
        with pytest.raises(LeaseLost):
            await attempt
    assert await queue.heartbeat([stopped]) == [stopped]
    await write(queue, second)
    assert (await row(superuser, second.id))["state"] == "succeeded"


async def test_an_expired_lease_does_not_allow_writing_even_if_nobody_took_over(
    database: Database, queue: JobQueue, hasty: JobQueue
) -> None:
    await enqueue(database)
    (job,) = await hasty.claim("w1", 1)
    with pytest.raises(LeaseLost):
        await write(queue, job)


async def test_a_heartbeat_keeps_the_lease(
    database: Database, queue: JobQueue, hasty: JobQueue
) -> None:
    await enqueue(database, 2)
    jobs = await hasty.claim("w1", 2)
    assert await queue.heartbeat(jobs) == []
    assert await queue.claim("w2", 2) == []
    for job in jobs:
        await write(queue, job)


async def test_a_heartbeat_tells_what_was_lost_from_what_the_same_worker_claimed_again(
    database: Database, queue: JobQueue, hasty: JobQueue
) -> None:
    await enqueue(database)
    (lost,) = await hasty.claim("w1", 1)
    (again,) = await queue.claim("w1", 1)
    assert lost.id == again.id

    assert await queue.heartbeat([lost, again]) == [lost]


async def test_nobody_takes_a_job_while_its_result_is_being_written(
    database: Database, hasty: JobQueue, queue: JobQueue, superuser: asyncpg.Connection
) -> None:
    await enqueue(database)
    (job,) = await hasty.claim("w1", 1)
    await queue.report(job, "index", 80)
    async with queue.fenced(job) as session:
        await superuser.execute("SELECT 1")
        assert await queue.heartbeat([job]) == []  # passes over the locked row
        await queue.report(job, "index", 90)  # and so does a report
        await superuser.execute("SELECT pg_sleep(0.01)")
        assert await queue.claim("thief", 1) == []
        await queue.complete(session, job)


async def test_progress_is_visible_while_the_job_runs(
    database: Database, queue: JobQueue, superuser: asyncpg.Connection
) -> None:
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    await queue.report(job, "extract", 40)
    found = await row(superuser, job.id)
    assert (found["stage"], found["percent"]) == ("extract", 40)


async def test_a_failure_is_retried_until_the_attempts_are_used_up(
    database: Database, queue: JobQueue, superuser: asyncpg.Connection
) -> None:
    (job_id,) = await enqueue(database, max_attempts=3)
    outcomes = []
    for _ in range(3):
        (job,) = await queue.claim("w1", 1)
        outcomes.append(await queue.fail(job, "TOO_SLOW", "Demorou demais.", retry=True))
    assert outcomes == [JobState.PENDING, JobState.PENDING, JobState.FAILED]
    found = await row(superuser, job_id)
    assert (found["error_code"], found["error_message"]) == ("TOO_SLOW", "Demorou demais.")
    assert await queue.claim("w1", 1) == []


async def test_a_failure_that_cannot_be_helped_is_not_retried(
    database: Database, queue: JobQueue
) -> None:
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    assert await queue.fail(job, "ENCRYPTED", "Arquivo protegido.", retry=False) is JobState.FAILED


async def test_a_retry_waits(database: Database) -> None:
    hour = timedelta(hours=1)
    queue = JobQueue(database, ERRANDS, backoff=Backoff(first=hour, longest=hour))
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    await queue.fail(job, "X", "x", retry=True)
    assert await queue.claim("w1", 1) == []


async def test_a_job_that_kills_its_workers_shows_as_exhausted(
    database: Database, hasty: JobQueue
) -> None:
    await enqueue(database, max_attempts=2)
    claims = [await hasty.claim("w1", 1) for _ in range(3)]
    assert [job.exhausted for (job,) in claims] == [False, False, True]


async def test_a_job_given_back_is_as_if_never_claimed(database: Database, queue: JobQueue) -> None:
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    await queue.give_back(job)
    (again,) = await queue.claim("w2", 1)
    assert (again.id, again.attempts) == (job.id, 1)
    assert again.lease_token > job.lease_token


@pytest.fixture
async def processing(database: Database, queue: JobQueue) -> ClaimedJob:
    await enqueue(database)
    (job,) = await queue.claim("w1", 1)
    return job


async def test_cancelling_takes_the_lease_away(
    database: Database, queue: JobQueue, processing: ClaimedJob
) -> None:
    async with database.transaction(AURORA) as session:
        assert await queue.cancel(session, processing.id)
    assert await queue.heartbeat([processing]) == [processing]
    with pytest.raises(LeaseLost):
        await write(queue, processing)
    assert await queue.claim("w2", 1) == []


async def test_a_finished_job_cannot_be_cancelled(
    database: Database, queue: JobQueue, processing: ClaimedJob
) -> None:
    await write(queue, processing)
    async with database.transaction(AURORA) as session:
        assert not await queue.cancel(session, processing.id)


async def test_another_tenants_job_cannot_be_cancelled(
    database: Database, queue: JobQueue, processing: ClaimedJob
) -> None:
    async with database.transaction(BOREAL) as session:
        assert not await queue.cancel(session, processing.id)


async def test_a_failed_write_leaves_the_job_claimed(
    database: Database, queue: JobQueue, processing: ClaimedJob, superuser: asyncpg.Connection
) -> None:
    with suppress(RuntimeError):
        async with queue.fenced(processing) as session:
            await queue.complete(session, processing)
            raise RuntimeError
    assert (await row(superuser, processing.id))["state"] == "processing"
    await write(queue, processing)


async def test_old_finished_jobs_are_pruned(
    database: Database, queue: JobQueue, processing: ClaimedJob
) -> None:
    await write(queue, processing)
    await enqueue(database)
    assert await queue.prune(timedelta(hours=1)) == 0
    assert await queue.prune(timedelta(0)) == 1


async def test_depth_and_age_are_measured(database: Database, queue: JobQueue) -> None:
    await enqueue(database, 3, run_at=datetime.now(UTC) - timedelta(minutes=1))
    await queue.claim("w1", 1)
    await queue.measure()
    assert sample("job_queue_depth", state="pending") == 2
    assert sample("job_queue_depth", state="processing") == 1
    assert 59 < sample("job_queue_age_seconds") < 120


async def test_outcomes_are_counted_once_they_are_committed(
    database: Database, queue: JobQueue, processing: ClaimedJob
) -> None:
    before = sample("jobs_finished_total", result="succeeded")
    with suppress(RuntimeError):
        async with queue.fenced(processing) as session:
            await queue.complete(session, processing)
            raise RuntimeError
    assert sample("jobs_finished_total", result="succeeded") == before
    await write(queue, processing)
    assert sample("jobs_finished_total", result="succeeded") == before + 1


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"queue": "errands", **labels}) or 0.0
