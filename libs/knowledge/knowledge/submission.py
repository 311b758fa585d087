"""Taking documents in: row, place in the queue and event, all in the caller's transaction."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached

from chassis.data.columns import utc_now
from chassis.data.object_storage import StoredObject
from chassis.messaging import outbox
from chassis.messaging.job_queue import FINISHED, JobQueue, JobState
from chassis.observability.tracing import current_traceparent
from chassis.web.errors import Conflict
from knowledge.addresses import AddressPolicy
from knowledge.failures import DocumentTooLong, EmptyDocument, refused_for
from knowledge.models import (
    SCHEMA,
    Chunking,
    Document,
    DocumentStatus,
    IngestionJob,
    Language,
    SourceType,
)
from knowledge.parsing.causes import ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import sniff
from shared_schemas.actor import Actor
from shared_schemas.events import DocumentSubmitted
from shared_schemas.ids import new_id

MAX_TITLE: Final = 300
_TITLE_OF_TEXT: Final = 80
_LIMITS: Final = Limits()
_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_JOBS: Final = IngestionJob.__table__
# Without `outline`: None would be stored as JSON's null.
_NOTHING_YET: Final = dict.fromkeys(c.key for c in _DOCUMENTS.c if c.key != "outline")
_OF_JOB: Final = (
    "id",
    "organization_id",
    "state",
    "document_id",
    "correlation_id",
    "traceparent",
)


def _adding(table: sa.Table, prefix: str, columns: Iterable[str]) -> sa.CTE:
    values = {name: sa.bindparam(prefix + name, type_=table.c[name].type) for name in columns}
    return sa.insert(table).values(values).cte(f"new_{table.name}")


# Built once: the unit of work would cost more than everything else that queueing a document does.
_ENQUEUE: Final = outbox.insertion(SCHEMA).add_cte(_adding(_JOBS, "job_", _OF_JOB))
# Submitting is the one thing that many do at once: document, job and event in one round trip.
_SUBMIT: Final = _ENQUEUE.add_cte(_adding(_DOCUMENTS, "document_", _NOTHING_YET))


class DocumentNotCancellable(Conflict):
    """It has come to its end already."""

    code = "DOCUMENT_NOT_CANCELLABLE"
    message = "O documento não está mais em processamento e não pode ser cancelado."


class DocumentNotRetryable(Conflict):
    """It is in the queue, or has been indexed."""

    code = "DOCUMENT_NOT_RETRYABLE"
    message = "Só é possível processar de novo um documento que falhou ou foi cancelado."


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document's bytes are, checked as far as that goes without reading them."""

    type: SourceType
    title: str
    uri: str | None = None
    storage_key: str | None = None
    content: str | None = None
    mime_type: str | None = None
    content_sha256: str | None = None
    size_bytes: int | None = None

    @classmethod
    def file(cls, stored: StoredObject, name: str | None) -> "Source":
        """An upload that lies in the storage. Raises DocumentRefused by its first bytes."""
        try:
            form = sniff(stored.head)
        except ParsingFailure as failure:
            raise refused_for(failure.cause) from failure
        name = tidy_title(name or "")
        return cls(
            SourceType.FILE,
            title=name or "Documento sem nome",
            uri=name or None,
            storage_key=stored.key,
            mime_type=form.value,
            content_sha256=stored.sha256,
            size_bytes=stored.size_bytes,
        )

    @classmethod
    def text(cls, text: str) -> "Source":
        """A text, kept in the document's own row. Raises EmptyDocument, DocumentTooLong."""
        # PostgreSQL's text holds neither NUL nor surrogates; the worker normalises the rest.
        content = text.replace("\x00", "").encode("utf-8", "replace").decode()
        if not content.strip():
            raise EmptyDocument
        if len(content) > _LIMITS.max_characters:
            raise DocumentTooLong
        first_line = content.lstrip().partition("\n")[0].lstrip("# ")
        raw = content.encode()
        return cls(
            SourceType.TEXT,
            title=tidy_title(first_line)[:_TITLE_OF_TEXT] or "Texto",
            content=content,
            content_sha256=hashlib.sha256(raw).hexdigest(),
            size_bytes=len(raw),
        )

    @classmethod
    def url(cls, url: str, policy: AddressPolicy) -> "Source":
        """A page to be fetched by the worker. Raises UrlRefused for what is plainly not public."""
        address = str(policy.check_url(url))
        return cls(SourceType.URL, title=address[:MAX_TITLE], uri=address)


def tidy_title(title: str) -> str:
    """One line without control characters, short enough to show."""
    printable = "".join(char if char.isprintable() else " " for char in title)
    return " ".join(printable.split())[:MAX_TITLE].strip()


async def submit(
    session: AsyncSession,
    actor: Actor,
    source: Source,
    *,
    title: str | None = None,
    chunking: Chunking = Chunking.SEMANTIC,
    language: Language | None = None,
    tags: Sequence[str] = (),
    document_id: UUID | None = None,
) -> Document:
    """A pending document. Without a `language` the worker detects it.

    `document_id` is the one whose prefix the upload was stored under.
    """
    now = utc_now()
    values = {
        **_NOTHING_YET,
        "id": document_id or new_id(),
        "organization_id": actor.organization_id,
        "title": tidy_title(title or "") or source.title,
        "source_type": source.type,
        "source_uri": source.uri,
        "storage_key": source.storage_key,
        "content": source.content,
        "mime_type": source.mime_type,
        "content_sha256": source.content_sha256,
        "size_bytes": source.size_bytes,
        "language": language,
        "chunking": chunking,
        "status": DocumentStatus.PENDING,
        "chunk_count": 0,
        "tags": list(tags),
        "submitted_by": actor.user_id,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    document = Document(**values, outline=None)
    await session.execute(
        _SUBMIT,
        {
            **{f"document_{name}": value for name, value in values.items()},
            **_place_in_queue(session, actor, document.id),
        },
    )
    make_transient_to_detached(document)
    session.add(document)  # as if it had just been read
    return document


async def retry(session: AsyncSession, actor: Actor, document: Document) -> None:
    """Puts a failed or cancelled document back into the queue. Raises DocumentNotRetryable."""
    if document.status not in (DocumentStatus.FAILED, DocumentStatus.CANCELLED):
        raise DocumentNotRetryable
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.version += 1
    await session.execute(_ENQUEUE, _place_in_queue(session, actor, document.id))


async def cancel(session: AsyncSession, queue: JobQueue, document: Document) -> None:
    """Stops the work on a document, also while a worker is at it. Raises DocumentNotCancellable.

    The worker loses its lease with this transaction: nothing it writes afterwards is kept.
    """
    jobs = queue.table.c
    unfinished = await session.scalar(
        sa.select(jobs.id).where(
            jobs.organization_id == document.organization_id,
            jobs.document_id == document.id,
            jobs.state.not_in(FINISHED),
        )
    )
    if unfinished is None or not await queue.cancel(session, unfinished):
        raise DocumentNotCancellable
    # Read again: the worker may have written between the caller's read and the job's lock.
    await session.refresh(document)
    document.status = DocumentStatus.CANCELLED
    document.version += 1


def _place_in_queue(session: AsyncSession, actor: Actor, document_id: UUID) -> dict[str, Any]:
    """The parameters of `_ENQUEUE`: a job, and the event that tells of it."""
    return {
        "job_id": new_id(),
        "job_organization_id": actor.organization_id,
        "job_state": JobState.PENDING,
        "job_document_id": document_id,
        "job_correlation_id": actor.request_id,
        "job_traceparent": current_traceparent(),
        **outbox.parameters(session, DocumentSubmitted.by(actor, document_id=document_id)),
    }
