"""The pipeline: fetch → extract → normalise → chunk → embed → index, one document per job.

Every write is fenced by the job's lease, and the index stage switches the document to the version,
all chunks replaced, in one transaction: a pipeline that ran twice, or was killed anywhere, leaves
what one whole run leaves.
"""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
import sqlalchemy as sa
import structlog
from numpy.typing import NDArray
from obstore.exceptions import BaseError as StorageError

from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.data.object_storage import ObjectStorage
from chassis.messaging import outbox
from chassis.messaging.endurance import describe
from chassis.messaging.job_queue import ClaimedJob, JobQueue, JobState, LeaseLost, OnReport
from chassis.observability.tracing import continued
from knowledge.chunking import Cutting
from knowledge.document_statements import INSERT_CHUNKS
from knowledge.document_writes import (
    begin,
    fetched_by,
    write_ended,
    write_failed,
    write_fetched,
    write_indexed,
    write_unchanged,
    write_waiting,
)
from knowledge.edit_writes import EditsChanged
from knowledge.embedders import Embedder, EmbeddingFailed
from knowledge.embedding import MustStayHere, compact, embed_here, embed_passages
from knowledge.failures import (
    DocumentRefused,
    EditedMeanwhile,
    EmbeddingRefused,
    EmbeddingUnavailable,
    EmptyDocument,
    IngestionError,
    IngestionInterrupted,
)
from knowledge.metrics import CHUNKS_INDEXED, DOCUMENTS_REFUSED
from knowledge.models import DocumentVersion, IngestionJob, SourceType
from knowledge.originals import Original, OriginalReader, SubmittedDocument
from knowledge.parsing.normalising import NormalisedText
from knowledge.preparation import (
    IndexedPassage,
    PreparedDocument,
    batches,
    chunk_rows,
    cut_text,
    embedding_texts,
    index_passages,
)
from knowledge.progress import Progress, Stage
from knowledge.quotas import Quota
from knowledge.settings import IngestionSettings
from knowledge.storage import drop_attempts, prefix_of
from knowledge.submission import tidy_title
from knowledge.threads import Compute
from knowledge.transfers import KEPT_HERE
from knowledge.word_counts import WordCounts
from shared_schemas.events import DocumentFailed

T = TypeVar("T")

_log = structlog.get_logger(__name__)

_AT_ONCE: Final = 100
"""Chunks between two looks at the progress: what a provider embeds in one request."""


def ingestion_queue(
    database: Database, settings: IngestionSettings, on_report: OnReport | None = None
) -> JobQueue:
    """The queue documents wait in."""
    return JobQueue(database, IngestionJob.__table__, lease=settings.lease, on_report=on_report)


@dataclass(frozen=True, slots=True)
class Ingestion:
    """Takes claimed jobs to their end, whatever the end is."""

    database: Database
    queue: JobQueue
    storage: ObjectStorage
    originals: OriginalReader
    embedder: Embedder
    compute: Compute
    rows: Compute
    """For `chunk_rows` only: its queue is milliseconds long, whatever `compute` is busy with."""
    word_counts: WordCounts
    quota: Quota

    async def work_off(self, job: ClaimedJob) -> None:
        """Indexes the job's document, or writes down why not. Raises only CancelledError."""
        with (
            continued(job.payload["traceparent"], "ingest document"),
            structlog.contextvars.bound_contextvars(
                request_id=job.payload["correlation_id"],
                document_id=str(job.payload["document_id"]),
            ),
        ):
            try:
                await self._to_its_end(job)
            except asyncio.CancelledError:
                await asyncio.shield(self._settled(self._give_back(job)))
                raise

    async def drain_once(self, worker: str, *, batch: int = 8) -> int:
        """Works off everything that is due, batch after batch; returns how many jobs."""
        done = 0
        while jobs := await self.queue.claim(worker, batch):
            await asyncio.gather(*map(self.work_off, jobs))
            done += len(jobs)
        await self.word_counts.settled()
        return done

    async def _to_its_end(self, job: ClaimedJob) -> None:
        progress = Progress(self.queue, job)
        try:
            await self._ingest(job, progress)
        except LeaseLost:
            await self._settled(self._abandon(job))
        except DocumentRefused as refusal:
            await self._settled(self._refuse(job, refusal, progress))
        except EditsChanged:
            # Who edits faster than a document is processed waits for another attempt.
            await self._settled(self._refuse(job, EditedMeanwhile(), progress))
        except Exception as error:  # noqa: BLE001 - one document must not stop the others
            if is_unavailable(error):
                # Nothing can be written now. The lease runs out, and the job is claimed again.
                _log.warning("ingestion_interrupted", error=describe(error))
                return
            _log.error("ingestion_failed", exc_info=error)
            await self._settled(self._refuse(job, IngestionError(), progress))

    async def _ingest(self, job: ClaimedJob, progress: Progress) -> None:
        if job.exhausted:
            raise IngestionInterrupted
        async with progress.shown():
            async with self.queue.fenced(job) as session:
                document = await begin(session, job)
            with progress.stage(Stage.FETCH):
                original = await self._fetch(job, document)
            if original.sha256 is not None and original.sha256 == document.current_sha256:
                await self._leave_as_is(job, document)
                return
            with progress.stage(Stage.EXTRACT):
                text = await self.originals.extract(original)
            prepared = await self._prepare(document, text, progress)
        try:
            changed = await self._index(job, document, original, prepared, progress)
        except EditsChanged as edited:
            document = replace(document, edits=edited.edits)
            async with progress.shown():
                prepared = await self._prepare(document, text, progress)
            changed = await self._index(job, document, original, prepared, progress)
        await self._drop_fetched(job, document, keep=original.storage_key)
        CHUNKS_INDEXED.inc(len(prepared.passages))
        self.word_counts.changed(job.organization_id, changed)

    async def _fetch(self, job: ClaimedJob, document: SubmittedDocument) -> Original:
        """Makes sure the bytes are there; those of a page are noted at once: whatever happens from
        here on, it is not asked for again."""
        original = await self.originals.fetch(document)
        if original.storage_key != document.storage_key:
            async with self.queue.fenced(job) as session:
                await write_fetched(session, job, original)
        return original

    async def _leave_as_is(self, job: ClaimedJob, document: SubmittedDocument) -> None:
        """The page says what the current version says: there is no new version."""
        async with self.queue.fenced(job) as session:
            await write_unchanged(session, job, document)
            await self.queue.complete(session, job)
        await self._drop_fetched(job, document, keep=None)
        _log.info("document_unchanged")

    async def _prepare(
        self, document: SubmittedDocument, text: NormalisedText, progress: Progress
    ) -> PreparedDocument:
        title = _title(document, text)
        with progress.stage(Stage.CHUNK):
            cutting = Cutting.read(document.chunking)
            whole = await self.compute(
                cut_text, text, cutting, document.language, title, document.edits
            )
            passages, language = whole.passages, whole.language
            if not passages:
                raise EmptyDocument
            indexed: list[IndexedPassage] = []
            for part in _parts(passages):
                # One call per part: a short document need not wait for all of a long one.
                indexed += await self.compute(index_passages, title, language, part)
                progress.within_stage(len(indexed) / len(passages))
        with progress.stage(Stage.EMBED):
            vectors, model = await self._embedded(document, title, indexed, progress)
        return PreparedDocument(
            text=whole.text,
            title=title,
            language=language,
            passages=indexed,
            embeddings=vectors,
            embedding_model=model,
            uncorrected=None if whole.text.text == text.text else text.text,
            edits=document.edits,
            found=whole.found,
        )

    async def _embedded(
        self,
        document: SubmittedDocument,
        title: str,
        passages: Sequence[IndexedPassage],
        progress: Progress,
    ) -> tuple[NDArray[np.float16], str]:
        """All by one model: the embedder's, or here, however much it had got before it may not."""
        vectors: list[NDArray[np.float16]] = []
        try:
            for batch in _parts(passages):
                vectors.append(await self._embed(document, embedding_texts(title, batch)))
                progress.within_stage(len(vectors) * _AT_ONCE / len(passages))
        except MustStayHere:
            _log.info("document_embedded_here")
            return compact(await embed_here(embedding_texts(title, passages))), KEPT_HERE
        return np.concatenate(vectors), self.embedder.model

    async def _embed(self, document: SubmittedDocument, texts: list[str]) -> NDArray[np.float16]:
        key = (document.organization_id, document.id)
        try:
            return compact(await embed_passages(self.database, self.embedder, *key, texts))
        except EmbeddingFailed as failure:
            _log.warning("embedding_failed", reason=failure.reason, model=self.embedder.model)
            raise (EmbeddingUnavailable if failure.retry else EmbeddingRefused) from failure

    async def _index(
        self,
        job: ClaimedJob,
        document: SubmittedDocument,
        original: Original,
        prepared: PreparedDocument,
        progress: Progress,
    ) -> int:
        """Replaces the document's chunks; returns how many were added and removed."""
        with progress.stage(Stage.INDEX):
            if progress.was_shown:
                await progress.report()
            return await self._replace_chunks(job, document, original, prepared, progress)

    async def _replace_chunks(
        self,
        job: ClaimedJob,
        document: SubmittedDocument,
        original: Original,
        prepared: PreparedDocument,
        progress: Progress,
    ) -> int:
        numbers = list(batches(prepared))
        key = (job.organization_id, document.id, document.number, prepared)
        first = await self.rows(chunk_rows, *key, numbers[0])  # most documents have no more
        async with self.queue.fenced(job) as session:
            former = await write_indexed(
                session, job, document, original, prepared, progress.seconds(), self.quota
            )
            await session.execute(INSERT_CHUNKS, first)
            for more in numbers[1:]:
                # Not `compute`: the transaction would be idle behind whole documents.
                await session.execute(INSERT_CHUNKS, await self.rows(chunk_rows, *key, more))
            await write_ended(session, job, document, original, prepared)
        return former + len(prepared.passages)

    async def _refuse(self, job: ClaimedJob, refusal: DocumentRefused, progress: Progress) -> None:
        """Another attempt later, or the end: the document's row, the job and the event at once."""
        async with self.queue.fenced(job) as session:
            state = await self.queue.fail_within(
                session, job, str(refusal.code), str(refusal), retry=refusal.retry
            )
            if state is JobState.PENDING:
                await write_waiting(session, job, refusal)
            else:
                submitted_by = await write_failed(session, job, refusal, progress.seconds())
                outbox.add(
                    session,
                    DocumentFailed.caused(
                        organization_id=job.organization_id,
                        correlation_id=job.payload["correlation_id"],
                        actor_id=submitted_by,
                        document_id=job.payload["document_id"],
                        error_code=str(refusal.code),
                    ),
                )
        if state is JobState.PENDING:
            return
        await self._drop(prefix_of(job.organization_id, job.payload["document_id"]), job, keep=None)
        DOCUMENTS_REFUSED.labels(str(refusal.code)).inc()
        _log.info("document_refused", code=str(refusal.code))

    async def _give_back(self, job: ClaimedJob) -> None:
        """As if the job had not been claimed: the worker is stopping."""
        async with self.queue.fenced(job) as session:
            await write_waiting(session, job)
        await self.queue.give_back(job)

    async def _abandon(self, job: ClaimedJob) -> None:
        """The document was deleted or cancelled, or is another worker's: nothing more is written.

        What was fetched for a document that is gone is deleted; the sweep would find it, later.
        """
        _log.info("ingestion_abandoned")
        document_id = job.payload["document_id"]
        async with self.database.transaction(job.organization_id, read_only=True) as session:
            versions = await session.execute(
                sa.select(DocumentVersion.number, DocumentVersion.storage_key).where(
                    DocumentVersion.organization_id == job.organization_id,
                    DocumentVersion.document_id == document_id,
                )
            )
            keys = {row.number: row.storage_key for row in versions}
        if keys:
            kept = keys.get(job.payload["version_number"])
            await self.storage.delete_prefix(fetched_by(job), keep=kept)
        else:
            await self.storage.delete_prefix(prefix_of(job.organization_id, document_id))

    async def _drop_fetched(
        self, job: ClaimedJob, document: SubmittedDocument, *, keep: str | None
    ) -> None:
        if document.source_type is SourceType.URL:
            await self._drop(prefix_of(job.organization_id, document.id), job, keep=keep)

    async def _drop(self, prefix: str, job: ClaimedJob, *, keep: str | None) -> None:
        """Objects no row names, left by this attempt of the job or by one that was killed."""
        try:
            await drop_attempts(self.storage, prefix, job.id, keep=keep)
        except (StorageError, OSError) as error:
            _log.warning("objects_left_behind", error=describe(error))

    async def _settled(self, ending: Coroutine[Any, Any, None]) -> None:
        """Writes how a job ended. What cannot be written is tried again when the lease runs out."""
        try:
            await ending
        except LeaseLost:
            _log.info("ingestion_abandoned")
        except Exception as error:  # noqa: BLE001 - one document must not stop the others
            if is_unavailable(error):
                _log.warning("ingestion_interrupted", error=describe(error))
            else:
                _log.error("ingestion_not_settled", exc_info=error)


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def _title(document: SubmittedDocument, text: NormalisedText) -> str:
    """A page that was submitted without a title is called what it calls itself."""
    if document.title == document.source_uri and text.title:
        return tidy_title(text.title) or document.title
    return document.title
