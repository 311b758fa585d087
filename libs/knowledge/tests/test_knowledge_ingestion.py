"""The way of a document: from submission to chunks, event and progress."""

import asyncio
import threading
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from knowledge_factories import Knowledge, Web, make_actor
from knowledge_files import (
    HTML,
    PARAGRAPH,
    make_docx,
    make_docx_bomb,
    make_encrypted_pdf,
    make_pdf,
    make_scanned_pdf,
    make_zip,
)
from knowledge_outcomes import assert_indexed, events_of

from devstack.testing import DatabaseUrls
from knowledge import deletion, document_writes, preparation, submission
from knowledge import ingestion as ingestion_module
from knowledge.lexical import statistics
from knowledge.models import Chunking, Document, DocumentStatus
from knowledge.originals import Original, OriginalReader
from knowledge.parsing.normalising import NormalisedText
from knowledge.parsing.tesseract import tesseract
from knowledge.submission import DocumentNotCancellable, DocumentNotRetryable

pytestmark = pytest.mark.committed

MARKDOWN = f"""# Manual do servidor

Leia com atenção.

## Férias

{PARAGRAPH}

## Licenças

A licença para tratamento de saúde depende de perícia médica oficial.
"""


@pytest.mark.parametrize("strategy", list(Chunking))
async def test_a_text_becomes_chunks_that_are_its_content(
    knowledge: Knowledge, strategy: Chunking
) -> None:
    text = "\n\n".join(f"{number}. {PARAGRAPH}" for number in range(60))
    document_id = await knowledge.submit_text(text, chunking=strategy)

    assert await knowledge.work() == 1

    _, version = await assert_indexed(knowledge, document_id, "acumuladas")
    assert version.chunk_count > 1


@pytest.mark.parametrize(
    ("raw", "mime_type", "word"),
    [
        (PARAGRAPH.encode(), "text/plain", "férias"),
        (PARAGRAPH.encode("utf-16"), "text/plain", "férias"),
        (PARAGRAPH.encode("utf-16-le"), "text/plain", "férias"),
        (PARAGRAPH.encode("latin-1"), "text/plain", "férias"),
        ("Preço: 10 € – “promoção”".encode("cp1252"), "text/plain", "€ – “promoção”"),
        (MARKDOWN.encode(), "text/plain", "perícia"),
        (HTML.encode(), "text/html", "até 2.259,20 | isento"),
        (HTML.encode("latin-1"), "text/html", "férias"),
        (make_pdf("Página um.", "As férias são de trinta dias."), "application/pdf", "férias"),
        (make_docx(), None, "até R$ 2.259,20 | isento"),
    ],
    ids=[
        *("utf-8", "utf-16", "utf-16-le", "latin-1", "cp1252", "markdown"),
        *("html", "html-latin-1", "pdf", "docx"),
    ],
)
async def test_every_format_is_read_whatever_its_name(
    knowledge: Knowledge, raw: bytes, mime_type: str | None, word: str
) -> None:
    document_id = await knowledge.submit_file(raw, "sem-extensao.xyz")

    await knowledge.work()

    _, version = await assert_indexed(knowledge, document_id, word)
    assert version.mime_type == mime_type or mime_type is None


async def test_pages_and_headings_come_with_the_chunks(knowledge: Knowledge) -> None:
    pages = ["\n".join([f"Assunto {n}.", *[PARAGRAPH[:90]] * 40]) for n in range(3)]
    pdf = await knowledge.submit_file(make_pdf(*pages))
    markdown = await knowledge.submit_text(MARKDOWN, chunking=Chunking.HEADING)

    await knowledge.work()

    assert {chunk.page for chunk in await knowledge.chunks(pdf)} == {1, 2, 3}
    assert (await knowledge.version(pdf)).page_count == 3
    (chunk,) = await knowledge.chunks(markdown)
    assert chunk.heading == "Manual do servidor > Férias"


async def test_a_page_is_fetched_kept_and_named_by_its_title(
    knowledge: Knowledge, web: Web
) -> None:
    web.put("/novo", HTML.encode(), content_type="text/html; charset=utf-8")
    url = web.put("/velho", status="302 Found", location="/novo")
    document_id = await knowledge.submit_url(url)

    await knowledge.work()

    document, version = await assert_indexed(knowledge, document_id, "férias")
    assert document.title == "Manual"
    assert version.source_uri == url
    assert version.storage_key is not None


async def test_indexing_is_told_once_with_the_cause_of_the_submission(
    knowledge: Knowledge, database_urls: DatabaseUrls
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)

    await knowledge.work()
    await knowledge.work()

    (submitted,) = await events_of(database_urls, "document.submitted")
    (indexed,) = await events_of(database_urls, "document.indexed")
    assert submitted["payload"] == {"document_id": str(document_id)}
    assert indexed["payload"] == {"document_id": str(document_id), "chunk_count": 1}
    assert indexed["correlation_id"] == make_actor().request_id
    assert indexed["actor_id"] == str(make_actor().user_id)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"%PDF-1.7\nnada", "DOCUMENT_BROKEN"),
        (make_pdf(PARAGRAPH)[:500], "DOCUMENT_BROKEN"),
        (make_encrypted_pdf(), "DOCUMENT_ENCRYPTED"),
        (make_scanned_pdf(), "DOCUMENT_EMPTY" if tesseract() else "DOCUMENT_NEEDS_OCR"),
        (make_docx_bomb(200), "DOCUMENT_ARCHIVE_BOMB"),
        (make_zip(foto=b"GIF89a" + bytes(99)), "DOCUMENT_TYPE_UNSUPPORTED"),
        (make_docx()[:-200], "DOCUMENT_BROKEN"),
        (b" \n\t \n", "DOCUMENT_EMPTY"),
        (b"<html><body><script>x</script></body></html>", "DOCUMENT_EMPTY"),
        (b"pagina\f" * 10_000, "DOCUMENT_TOO_LONG"),
        (b"linha de texto\n" * 700_000, "DOCUMENT_TOO_LONG"),
    ],
    ids=[
        *("not-a-pdf", "truncated-pdf", "encrypted-pdf", "scan", "zip-bomb", "zip"),
        *("truncated-docx", "blank", "empty-html", "ten-thousand-pages", "long"),
    ],
)
async def test_a_bad_file_ends_with_a_cause_a_person_understands(
    knowledge: Knowledge, database_urls: DatabaseUrls, raw: bytes, code: str
) -> None:
    document_id = await knowledge.submit_file(raw)

    await knowledge.work()

    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, code)
    assert document.error_message is not None
    assert document.error_message.endswith(".")
    assert not await knowledge.chunks(document_id)
    (failed,) = await events_of(database_urls, "document.failed")
    assert failed["payload"] == {"document_id": str(document_id), "error_code": code}


async def test_a_transaction_does_not_wait_for_other_documents_to_be_computed(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Idle for long, the server would end it."""
    monkeypatch.setattr(preparation, "ROWS_PER_STATEMENT", 1)
    document_id = await knowledge.submit_text("\n\n".join([PARAGRAPH] * 40))
    compute, over = knowledge.ingestion.compute, threading.Event()
    others: list[asyncio.Task[bool]] = []
    write_indexed = document_writes.write_indexed

    async def written_then_busy(*args: Any) -> int:
        others.append(asyncio.create_task(compute(over.wait, 30)))
        await asyncio.sleep(0)  # it is in the thread's queue now
        return await write_indexed(*args)

    monkeypatch.setattr(ingestion_module, "write_indexed", written_then_busy)
    try:
        async with asyncio.timeout(10):
            await knowledge.work()
    finally:
        over.set()
        await asyncio.gather(*others)

    assert (await assert_indexed(knowledge, document_id))[1].chunk_count > 1


async def test_a_refused_page_is_not_kept(knowledge: Knowledge, web: Web) -> None:
    document_id = await knowledge.submit_url(web.put("/vazia", b"<html><body></body></html>"))

    await knowledge.work()

    assert (await knowledge.document(document_id)).status is DocumentStatus.FAILED
    assert [listed async for listed in knowledge.ingestion.storage.list()] == []


async def test_indexing_again_replaces_the_chunks(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text("\n\n".join([PARAGRAPH] * 80))
    await knowledge.work()
    first = {chunk.id for chunk in await knowledge.chunks(document_id)}
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        document.status = DocumentStatus.FAILED
        await submission.retry(session, actor, document)

    await knowledge.work()

    second = {chunk.id for chunk in await knowledge.chunks(document_id)}
    assert len(second) == len(first)
    assert not first & second


async def test_a_document_deleted_while_it_is_processed_leaves_nothing(
    knowledge: Knowledge, web: Web, database_urls: DatabaseUrls
) -> None:
    document_id = await knowledge.submit_url(web.put("/some", HTML.encode()))
    job = await knowledge.claim()
    ingestion = knowledge.ingestion
    async with ingestion.database.transaction(job.organization_id) as session:
        document = await session.get_one(Document, document_id)
        deleted = await deletion.delete(session, document)
    await deletion.clear_traces(ingestion.database, ingestion.storage, deleted)

    await ingestion.work_off(job)

    assert await rows_about(database_urls, document_id) == 0
    assert [listed async for listed in ingestion.storage.list()] == []


async def test_a_document_deleted_during_its_download_leaves_no_object(
    knowledge: Knowledge, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_url(web.put("/tarde", HTML.encode()))
    ingestion = knowledge.ingestion
    job = await knowledge.claim()
    extract = type(ingestion.originals).extract

    async def delete_then_extract(reader: OriginalReader, original: Original) -> NormalisedText:
        async with ingestion.database.transaction(job.organization_id) as session:
            await deletion.delete(session, await session.get_one(Document, document_id))
        return await extract(reader, original)

    monkeypatch.setattr(type(ingestion.originals), "extract", delete_then_extract)
    await ingestion.work_off(job)

    assert [listed async for listed in ingestion.storage.list()] == []


async def rows_about(urls: DatabaseUrls, document_id: UUID) -> int:
    """Rows in any table of the schema, but for events and tombstones, that mention the document."""
    connection = await asyncpg.connect(urls.superuser)
    try:
        tables = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'ai'"
            " AND table_name NOT IN ('outbox', 'deleted_documents', 'alembic_version')"
        )
        counts = [
            await connection.fetchval(
                f'SELECT count(*) FROM ai."{row["table_name"]}" t WHERE t::text LIKE $1',
                f"%{document_id}%",
            )
            for row in tables
        ]
        return sum(counts)
    finally:
        await connection.close()


async def test_deleting_an_indexed_document_leaves_nothing(
    knowledge: Knowledge, database_urls: DatabaseUrls
) -> None:
    kept = await knowledge.submit_file(PARAGRAPH.encode())
    document_id = await knowledge.submit_file(make_pdf(PARAGRAPH))
    await knowledge.work()
    ingestion, actor = knowledge.ingestion, make_actor()

    async with ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        deleted = await deletion.delete(session, document)
    await deletion.clear_traces(ingestion.database, ingestion.storage, deleted)

    assert await rows_about(database_urls, document_id) == 0
    assert [str(kept) in listed.key async for listed in ingestion.storage.list()] == [True]
    await assert_indexed(knowledge, kept)


async def test_a_deletion_is_done_whether_or_not_its_words_can_be_counted(
    knowledge: Knowledge, database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    await knowledge.work()
    ingestion, actor = knowledge.ingestion, make_actor()

    async def broken(*_: object, **__: object) -> bool:
        raise ConnectionResetError

    monkeypatch.setattr(statistics, "refresh", broken)
    async with ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        deleted = await deletion.delete(session, document)
    await deletion.clear_traces(ingestion.database, ingestion.storage, deleted)

    assert await rows_about(database_urls, document_id) == 0


async def test_a_cancelled_document_stays_cancelled(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    job = await knowledge.claim()
    ingestion = knowledge.ingestion
    async with ingestion.database.transaction(job.organization_id) as session:
        document = await session.get_one(Document, document_id)
        await submission.cancel(session, ingestion.queue, document)

    await ingestion.work_off(job)

    assert (await knowledge.document(document_id)).status is DocumentStatus.CANCELLED
    assert not await knowledge.chunks(document_id)
    async with ingestion.database.transaction(job.organization_id) as session:
        document = await session.get_one(Document, document_id)
        with pytest.raises(DocumentNotCancellable):
            await submission.cancel(session, ingestion.queue, document)


async def test_only_a_document_that_ended_badly_is_tried_again(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        with pytest.raises(DocumentNotRetryable):
            await submission.retry(session, actor, document)


async def test_progress_is_shown_while_a_document_is_read(
    knowledge: Knowledge, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await knowledge.submit_text(PARAGRAPH)
    ingestion = knowledge.ingestion
    reading, go_on = asyncio.Event(), asyncio.Event()
    extract = type(ingestion.originals).extract

    async def slow(reader: OriginalReader, original: Original) -> NormalisedText:
        reading.set()
        await go_on.wait()
        return await extract(reader, original)

    monkeypatch.setattr("knowledge.progress._SHOWN_EVERY", 0.01)
    monkeypatch.setattr(type(ingestion.originals), "extract", slow)
    work = asyncio.create_task(ingestion.work_off(await knowledge.claim()))
    await reading.wait()
    async with asyncio.timeout(5):
        while (job := await knowledge.job(document_id)).stage != "extract":  # noqa: ASYNC110 - the state is in the database
            await asyncio.sleep(0)
    status = (await knowledge.document(document_id)).status
    go_on.set()
    await work

    assert (job.percent, status) == (10, DocumentStatus.PROCESSING)
    finished = await knowledge.job(document_id)
    assert (finished.state, finished.percent) == ("succeeded", 100)
