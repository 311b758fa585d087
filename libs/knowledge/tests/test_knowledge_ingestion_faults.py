"""Ingestion when workers, pages and stores fail: tried again, given up, never written twice."""

import asyncio
import hashlib
from collections.abc import AsyncIterable

import pytest
from knowledge_factories import Knowledge, Web, in_parts
from knowledge_files import HTML, PARAGRAPH
from knowledge_outcomes import assert_indexed, events_of

from chassis.data.object_storage import ObjectStorage, StoredObject
from chassis.messaging.job_queue import LeaseLost
from devstack.testing import DatabaseUrls
from knowledge import submission
from knowledge.document_writes import fetched_by
from knowledge.models import Document, DocumentStatus
from knowledge.originals import Original, OriginalReader
from knowledge.parsing.normalising import NormalisedText

pytestmark = pytest.mark.committed


async def test_a_page_that_does_not_answer_is_tried_again(knowledge: Knowledge, web: Web) -> None:
    url = web.put("/caiu", status="503 Service Unavailable")
    document_id = await knowledge.submit_url(url)

    await knowledge.work()
    waiting = await knowledge.document(document_id)
    web.put("/caiu", HTML.encode(), content_type="text/html")
    await knowledge.is_due(document_id)
    await knowledge.work()

    assert (waiting.status, waiting.error_code) == (DocumentStatus.PENDING, "URL_UNAVAILABLE")
    await assert_indexed(knowledge, document_id)


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
async def test_a_file_that_cannot_be_had_is_not_a_database_away(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    """Waiting for the lease to run out would tell nobody."""

    async def broken(*_: object) -> NormalisedText:
        raise error

    monkeypatch.setattr(OriginalReader, "extract", broken)
    document_id = await knowledge.submit_text(PARAGRAPH)
    await knowledge.work()

    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (
        DocumentStatus.PENDING,
        "DOCUMENT_INTERNAL_ERROR",
    )


async def test_a_document_is_given_up_after_its_last_attempt(
    knowledge: Knowledge, web: Web
) -> None:
    document_id = await knowledge.submit_url(web.put("/nunca", status="500 Oops"))

    for _ in range(6):
        await knowledge.is_due(document_id)
        await knowledge.work()

    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "URL_UNAVAILABLE")


async def test_a_document_that_kills_every_worker_is_given_up(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)

    for _ in range(5):
        await knowledge.lease_runs_out(await knowledge.claim())
    await knowledge.work()

    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, "DOCUMENT_INTERRUPTED")


async def test_a_killed_worker_s_document_is_indexed_once_by_the_next(
    knowledge: Knowledge, database_urls: DatabaseUrls
) -> None:
    document_id = await knowledge.submit_text("\n\n".join([PARAGRAPH] * 80))
    job = await knowledge.claim("killed")
    await knowledge.lease_runs_out(job)

    assert await knowledge.work("next") == 1

    _, version = await assert_indexed(knowledge, document_id)
    positions = [chunk.position for chunk in await knowledge.chunks(document_id)]
    assert positions == list(range(version.chunk_count))
    assert len(await events_of(database_urls, "document.indexed")) == 1


async def test_a_worker_that_lost_its_lease_writes_nothing(
    knowledge: Knowledge, database_urls: DatabaseUrls
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    stale = await knowledge.claim("sleeper")
    await knowledge.lease_runs_out(stale)
    await knowledge.work("next")
    before = await knowledge.document(document_id)
    chunks = [chunk.id for chunk in await knowledge.chunks(document_id)]

    await knowledge.ingestion.work_off(stale)

    assert (await knowledge.document(document_id)).version == before.version
    assert [chunk.id for chunk in await knowledge.chunks(document_id)] == chunks
    assert len(await events_of(database_urls, "document.indexed")) == 1


async def test_a_worker_that_wakes_after_its_lease_cannot_finish(
    knowledge: Knowledge, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had begun in time, and has everything ready to be written."""
    document_id = await knowledge.submit_text(PARAGRAPH)
    ingestion = knowledge.ingestion
    sleeper = await knowledge.claim("sleeper")
    extract = type(ingestion.originals).extract
    asleep = True

    async def sleep_then_extract(reader: OriginalReader, original: Original) -> NormalisedText:
        nonlocal asleep
        if asleep:
            asleep = False
            await knowledge.lease_runs_out(sleeper)
            await knowledge.work("next")
        return await extract(reader, original)

    monkeypatch.setattr(type(ingestion.originals), "extract", sleep_then_extract)
    await ingestion.work_off(sleeper)

    _, version = await assert_indexed(knowledge, document_id)
    assert version.chunk_count == 1
    assert (await knowledge.job(document_id)).attempts == 2
    assert len(await events_of(database_urls, "document.indexed")) == 1


async def test_a_worker_that_lost_its_lease_overwrites_no_original(
    knowledge: Knowledge, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stores an older page after its successor has indexed a newer one."""
    # Plain text: reading it takes no longer than the sleeper's next heartbeat is away.
    document_id = await knowledge.submit_url(web.put("/muda", PARAGRAPH.encode()))
    ingestion = knowledge.ingestion
    sleeper = await knowledge.claim("sleeper")
    put_stream = type(ingestion.storage).put_stream
    asleep = True

    async def sleep_then_put(
        storage: ObjectStorage, key: str, chunks: AsyncIterable[bytes], *, max_bytes: int
    ) -> StoredObject:
        nonlocal asleep
        if asleep:
            asleep = False
            web.put("/muda", f"{PARAGRAPH} Nova.".encode())
            await knowledge.lease_runs_out(sleeper)
            await knowledge.work("next")
        return await put_stream(storage, key, chunks, max_bytes=max_bytes)

    monkeypatch.setattr(type(ingestion.storage), "put_stream", sleep_then_put)
    await ingestion.work_off(sleeper)

    _, version = await assert_indexed(knowledge, document_id)
    assert version.storage_key is not None
    original = await ingestion.storage.read(version.storage_key)
    assert hashlib.sha256(original).hexdigest() == version.content_sha256
    assert [found.key async for found in ingestion.storage.list()] == [version.storage_key]


async def test_what_a_killed_worker_fetched_is_dropped_by_the_next(
    knowledge: Knowledge, web: Web
) -> None:
    document_id = await knowledge.submit_url(web.put("/resto", HTML.encode()))
    job = await knowledge.claim("killed")
    storage = knowledge.ingestion.storage
    await storage.put_stream(f"{fetched_by(job)}original", in_parts(b"resto"), max_bytes=10)
    await knowledge.lease_runs_out(job)

    await knowledge.work("next")

    _, version = await assert_indexed(knowledge, document_id)
    assert [found.key async for found in storage.list()] == [version.storage_key]


async def test_a_stopped_worker_gives_its_document_back(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    ingestion = knowledge.ingestion
    reading = asyncio.Event()

    async def endless(*_: object) -> None:
        reading.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(type(ingestion.originals), "extract", endless)
        work = asyncio.create_task(ingestion.work_off(await knowledge.claim()))
        await reading.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    job = await knowledge.job(document_id)
    assert (job.state, job.attempts) == ("pending", 0)
    assert (await knowledge.document(document_id)).status is DocumentStatus.PENDING
    await knowledge.work()
    await assert_indexed(knowledge, document_id)


async def test_the_lease_is_lost_for_a_job_cancelled_meanwhile(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    job = await knowledge.claim()
    ingestion = knowledge.ingestion
    async with ingestion.database.transaction(job.organization_id) as session:
        document = await session.get_one(Document, document_id)
        await submission.cancel(session, ingestion.queue, document)

    with pytest.raises(LeaseLost):
        await ingestion.queue.report(job, "extract", 10)
