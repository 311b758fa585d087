"""The worker: awake when there is work, honest when it stops."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from knowledge_factories import Knowledge
from knowledge_files import PARAGRAPH
from redis.asyncio import Redis
from worker_svc_factories import all_finished, running_worker, until

from chassis.data.database import Database
from chassis.messaging.job_queue import JobState
from chassis.messaging.relay import OutboxRelay
from knowledge.models import DocumentStatus
from knowledge.originals import OriginalReader
from worker_svc.settings import WorkerAppSettings

pytestmark = pytest.mark.committed


async def test_a_submitted_document_wakes_the_worker_through_the_stream(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, ai_database: Database, redis: Redis
) -> None:
    relay = asyncio.create_task(OutboxRelay(ai_database, redis).run())
    waited: list[float] = []
    async with running_worker(worker_settings):
        for number in range(5):
            document_id = await knowledge.submit_text(f"{number}. {PARAGRAPH}")
            began = time.perf_counter()

            async def claimed(document_id: UUID = document_id) -> bool:
                return bool((await knowledge.job(document_id)).state != "pending")

            await until(claimed)
            waited.append(time.perf_counter() - began)
        await until(lambda: all_finished(knowledge))
    relay.cancel()
    await asyncio.gather(relay, return_exceptions=True)

    assert sorted(waited)[2] < 0.2


async def test_without_the_stream_the_worker_polls(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    often = worker_settings.worker.model_copy(update={"poll": timedelta(milliseconds=20)})
    async with running_worker(replace(worker_settings, worker=often)):
        document_id = await knowledge.submit_text(PARAGRAPH)
        await until(lambda: all_finished(knowledge))

    assert (await knowledge.document(document_id)).status is DocumentStatus.INDEXED


async def test_more_documents_than_slots_are_worked_off_at_once(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    document_ids = [await knowledge.submit_text(f"{n}. {PARAGRAPH}") for n in range(30)]
    async with running_worker(worker_settings):  # looks once when it starts; polls in a minute
        await until(lambda: all_finished(knowledge))

    statuses = {(await knowledge.document(document_id)).status for document_id in document_ids}
    assert statuses == {DocumentStatus.INDEXED}


async def test_two_workers_share_the_queue(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    document_ids = [await knowledge.submit_text(f"{n}. {PARAGRAPH}") for n in range(24)]
    async with running_worker(worker_settings), running_worker(worker_settings):
        await until(lambda: all_finished(knowledge))

    jobs = [await knowledge.job(document_id) for document_id in document_ids]
    assert {(job.state, job.attempts) for job in jobs} == {("succeeded", 1)}


async def test_a_worker_told_to_stop_gives_back_what_it_has(
    knowledge: Knowledge,
    worker_settings: WorkerAppSettings,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = asyncio.Event()

    async def endless(*_: object) -> None:
        reading.set()
        await asyncio.Event().wait()

    document_id = await knowledge.submit_text(PARAGRAPH)
    with monkeypatch.context() as patch:
        patch.setattr(OriginalReader, "extract", endless)
        async with running_worker(worker_settings):
            await reading.wait()

    job = await knowledge.job(document_id)
    assert (job.state, job.attempts, job.leased_by) == ("pending", 0, None)


async def test_a_worker_told_to_stop_finishes_what_is_nearly_done(
    knowledge: Knowledge, worker_settings: WorkerAppSettings, redis: Redis
) -> None:
    patient = worker_settings.worker.model_copy(update={"patience": timedelta(seconds=20)})
    document_id = await knowledge.submit_text(PARAGRAPH)
    async with running_worker(replace(worker_settings, worker=patient)):

        async def claimed() -> bool:
            return bool((await knowledge.job(document_id)).state != "pending")

        await until(claimed)

    assert (await knowledge.document(document_id)).status is DocumentStatus.INDEXED


async def test_a_document_cancelled_under_way_is_dropped_at_the_next_heartbeat(
    knowledge: Knowledge,
    worker_settings: WorkerAppSettings,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, stopped = asyncio.Event(), asyncio.Event()

    async def endless(*_: object) -> None:
        reading.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    short = worker_settings.ingestion.model_copy(update={"lease": timedelta(milliseconds=300)})
    document_id = await knowledge.submit_text(PARAGRAPH)
    with monkeypatch.context() as patch:
        patch.setattr(OriginalReader, "extract", endless)
        async with running_worker(replace(worker_settings, ingestion=short)):
            await reading.wait()
            job = await knowledge.job(document_id)
            async with knowledge.ingestion.database.transaction(job.organization_id) as session:
                await knowledge.ingestion.queue.cancel(session, job.id)
            async with asyncio.timeout(10):
                await stopped.wait()
    assert (await knowledge.job(document_id)).state == JobState.CANCELLED


async def test_a_long_document_keeps_its_lease(
    knowledge: Knowledge,
    worker_settings: WorkerAppSettings,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its heartbeat goes on while it is read: nobody else takes it over."""
    reading, go_on = asyncio.Event(), asyncio.Event()
    extract = OriginalReader.extract

    async def slow(reader: OriginalReader, original: object) -> object:
        reading.set()
        await go_on.wait()
        return await extract(reader, original)  # type: ignore[arg-type]  # passed through

    short = worker_settings.ingestion.model_copy(update={"lease": timedelta(milliseconds=300)})
    document_id = await knowledge.submit_text(PARAGRAPH)
    monkeypatch.setattr(OriginalReader, "extract", slow)
    async with running_worker(replace(worker_settings, ingestion=short)):
        await reading.wait()
        first = (await knowledge.job(document_id)).lease_expires_at

        async def extended_twice() -> bool:
            job = await knowledge.job(document_id)
            return bool(job.lease_expires_at > first + timedelta(milliseconds=300))

        await until(extended_twice)
        assert await knowledge.ingestion.queue.claim("other", 1) == []
        go_on.set()
        await until(lambda: all_finished(knowledge))

    assert (await knowledge.job(document_id)).attempts == 1
