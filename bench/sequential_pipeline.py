"""The same parts, put together as one would at first: a document at a time, a chunk at a time."""

import time
from collections.abc import Sequence

import numpy as np

from chassis.messaging.job_queue import ClaimedJob
from knowledge.chunking import Cutting
from knowledge.document_statements import INSERT_CHUNKS
from knowledge.document_writes import begin, write_indexed
from knowledge.embedding import compact
from knowledge.ingestion import Ingestion
from knowledge.lexical import statistics
from knowledge.originals import SubmittedDocument
from knowledge.preparation import (
    PreparedDocument,
    chunk_rows,
    cut_text,
    embedding_texts,
    index_passages,
)


async def work_off(ingestion: Ingestion, documents: int) -> Sequence[float]:
    """Works off that many waiting documents; returns how many seconds each has taken.

    Each stage is one transaction, each chunk is analysed, embedded and written by itself, and the
    word statistics are counted afresh after every document, so that searches know its words.
    """
    seconds: list[float] = []
    for _ in range(documents):
        begun = time.perf_counter()
        (job,) = await ingestion.queue.claim("sequential", 1)
        await _ingest(ingestion, job)
        await statistics.rebuild(ingestion.database, job.organization_id)
        seconds.append(time.perf_counter() - begun)
    return seconds


async def _ingest(ingestion: Ingestion, job: ClaimedJob) -> None:
    async with ingestion.queue.fenced(job) as session:
        document = await begin(session, job)
    await ingestion.queue.report(job, "fetch", 0)
    original = await ingestion.originals.fetch(document)
    await ingestion.queue.report(job, "extract", 10)
    text = await ingestion.originals.extract(original)
    await ingestion.queue.report(job, "chunk", 40)
    cutting = Cutting.read(document.chunking)
    whole = cut_text(text, cutting, document.language, document.title)
    indexed = [
        item
        for passage in whole.passages
        for item in index_passages(document.title, whole.language, [passage])
    ]
    await ingestion.queue.report(job, "embed", 60)
    vectors = [
        compact(await ingestion.embedder.embed(embedding_texts(document.title, [item])))
        for item in indexed
    ]
    prepared = PreparedDocument(
        text=whole.text,
        title=document.title,
        language=whole.language,
        passages=indexed,
        embeddings=np.concatenate(vectors),
        embedding_model=ingestion.embedder.model,
    )
    await ingestion.queue.report(job, "index", 85)
    async with ingestion.queue.fenced(job) as session:
        await write_indexed(session, job, document, original, prepared, {}, ingestion.quota)
    await _write_chunks(ingestion, job, document, prepared)
    async with ingestion.queue.fenced(job) as session:
        await ingestion.queue.complete(session, job)


async def _write_chunks(
    ingestion: Ingestion, job: ClaimedJob, document: SubmittedDocument, prepared: PreparedDocument
) -> None:
    key = (job.organization_id, document.id, document.number, prepared)
    for number in range(len(prepared.passages)):
        async with ingestion.queue.fenced(job) as session:
            await session.execute(INSERT_CHUNKS, chunk_rows(*key, range(number, number + 1)))
