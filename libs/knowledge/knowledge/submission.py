"""Taking documents in: row, place in the queue and event, all in the caller's transaction."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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
from knowledge import usage
from knowledge.addresses import AddressPolicy
from knowledge.failures import DocumentTooLong, EmptyDocument, refused_for
from knowledge.models import (
    SCHEMA,
    Chunking,
    Document,
    DocumentStatus,
    DocumentVersion,
    IngestionJob,
    Language,
    LegalBasis,
    SourceType,
    Visibility,
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
_VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_JOBS: Final = IngestionJob.__table__
_OF_JOB: Final = (
    "id",
    "organization_id",
    "state",
    "document_id",
    "version_number",
    "correlation_id",
    "traceparent",
)


def _adding(table: sa.Table, prefix: str, columns: Iterable[str]) -> sa.CTE:
    values = {name: sa.bindparam(prefix + name, type_=table.c[name].type) for name in columns}
    return sa.insert(table).values(values).cte(f"new_{table.name}")


# Built once: the unit of work would cost more than everything else that queueing a document does.
_ENQUEUE: Final = outbox.insertion(SCHEMA).add_cte(_adding(_JOBS, "job_", _OF_JOB))
_ADD_VERSION: Final = _ENQUEUE.add_cte(
    _adding(_VERSIONS, "version_", _VERSIONS.c.keys()),
    usage.adding(
        organization_id=sa.bindparam("job_organization_id"),
        documents=sa.bindparam("used_documents", type_=sa.BigInteger()),
        bytes=sa.bindparam("version_counted_bytes", type_=sa.BigInteger()),
    ).cte("used"),
)
# Submitting is the one thing that many do at once: document, job and event in one round trip.
_SUBMIT: Final = _ADD_VERSION.add_cte(_adding(_DOCUMENTS, "document_", _DOCUMENTS.c.keys()))


class DocumentNotCancellable(Conflict):
    """It has come to its end already."""

    code = "DOCUMENT_NOT_CANCELLABLE"
    message = "O documento não está mais em processamento e não pode ser cancelado."


class DocumentNotRetryable(Conflict):
    """It is in the queue, or has been indexed."""

    code = "DOCUMENT_NOT_RETRYABLE"
    message = "Só é possível processar de novo um documento que falhou ou foi cancelado."


@dataclass(frozen=True, slots=True)
class Access:
    """Whom a document is for: see `knowledge.access`. The table's CHECKs say what goes together."""

    visibility: Visibility = Visibility.ORGANIZATION
    allowed_roles: Sequence[str] = ()
    allowed_team_ids: Sequence[UUID] = ()
    client_id: UUID | None = None
    purpose_code: str | None = None
    legal_basis: LegalBasis | None = None

    def columns(self) -> dict[str, Any]:
        """As `documents` holds it; lists in order, so that equal ones are equal."""
        return {
            "visibility": self.visibility,
            "allowed_roles": sorted(set(self.allowed_roles)),
            "allowed_team_ids": sorted(set(self.allowed_team_ids)),
            "client_id": self.client_id,
            "purpose_code": self.purpose_code,
            "legal_basis": self.legal_basis,
        }


EVERYBODY: Final = Access()


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


@dataclass(frozen=True, slots=True)
class Upload:
    """The ids an upload was stored under, or will be known by."""

    document_id: UUID = field(default_factory=new_id)
    version_id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A document as it was taken in, and its only version."""

    document: Document
    version: DocumentVersion


async def submit(
    session: AsyncSession,
    actor: Actor,
    source: Source,
    *,
    title: str | None = None,
    chunking: Chunking = Chunking.SEMANTIC,
    language: Language | None = None,
    tags: Sequence[str] = (),
    access: Access = EVERYBODY,
    external_id: str | None = None,
    upload: Upload | None = None,
) -> Submitted:
    """A pending document. Without a `language` the worker detects it.

    `upload` says under which ids the original lies in the storage.
    """
    now = utc_now()
    upload = upload or Upload()
    values = {
        "id": upload.document_id,
        "organization_id": actor.organization_id,
        "title": tidy_title(title or "") or source.title,
        "source_type": source.type,
        "chunking": chunking,
        "status": DocumentStatus.PENDING,
        "error_code": None,
        "error_message": None,
        "current_version": None,
        "latest_version": 1,
        **access.columns(),
        "external_id": external_id,
        "submitted_by": actor.user_id,
        "tags": list(tags),
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    document = Document(**values)
    columns = _version(actor, source, upload, 1, chunking, language)
    version = DocumentVersion(**columns)
    await session.execute(
        _SUBMIT,
        {
            **{f"document_{name}": value for name, value in values.items()},
            **{f"version_{name}": value for name, value in columns.items()},
            **_place_in_queue(session, actor, document.id, 1),
            "used_documents": 1,
        },
    )
    for row in (document, version):
        make_transient_to_detached(row)
        session.add(row)  # as if it had just been read
    return Submitted(document, version)


async def submit_version(
    session: AsyncSession,
    actor: Actor,
    queue: JobQueue,
    document: Document,
    source: Source,
    *,
    title: str | None = None,
    chunking: Chunking | None = None,
    language: Language | None = None,
    upload: Upload | None = None,
) -> int:
    """Another version of a document that is locked with its jobs; returns its number.

    The current one is searched until this one is indexed. One that is still on its way gives up
    its place: what comes last counts.
    """
    await _stop(session, queue, document)
    await session.refresh(document)
    document.latest_version += 1
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.version += 1
    document.title = tidy_title(title or "") or document.title
    document.chunking = chunking or document.chunking
    number = document.latest_version
    upload = upload or Upload(document.id)
    version = _version(actor, source, upload, number, document.chunking, language)
    await session.flush()
    await session.execute(
        _ADD_VERSION,
        {
            **{f"version_{name}": value for name, value in version.items()},
            **_place_in_queue(session, actor, document.id, number),
            "used_documents": 0,
        },
    )
    return number


def _version(
    actor: Actor,
    source: Source,
    upload: Upload,
    number: int,
    chunking: Chunking,
    language: Language | None,
) -> dict[str, Any]:
    return {
        **dict.fromkeys(_VERSIONS.c.keys()),
        "id": upload.version_id,
        "organization_id": actor.organization_id,
        "document_id": upload.document_id,
        "number": number,
        "source_type": source.type,
        "source_uri": source.uri,
        "storage_key": source.storage_key,
        "content": source.content,
        "mime_type": source.mime_type,
        "content_sha256": source.content_sha256,
        "size_bytes": source.size_bytes,
        "counted_bytes": source.size_bytes or 0,
        "chunking": chunking.value,
        "language": language,
        "chunk_count": 0,
        "submitted_by": actor.user_id,
        "created_at": utc_now(),
    }


async def retry(session: AsyncSession, actor: Actor, document: Document) -> None:
    """Puts the newest version, which failed or was cancelled, back into the queue. Raises
    DocumentNotRetryable."""
    if document.status not in (DocumentStatus.FAILED, DocumentStatus.CANCELLED):
        raise DocumentNotRetryable
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.version += 1
    await session.execute(
        _ENQUEUE, _place_in_queue(session, actor, document.id, document.latest_version)
    )


async def cancel(session: AsyncSession, queue: JobQueue, document: Document) -> None:
    """Stops the work on a document, also while a worker is at it. Raises DocumentNotCancellable.

    A version that was searched before is searched on.
    The worker loses its lease with this transaction: nothing it writes afterwards is kept.
    """
    if not await _stop(session, queue, document):
        raise DocumentNotCancellable
    # Read again: the worker may have written between the caller's read and the job's lock.
    await session.refresh(document)
    document.status = DocumentStatus.CANCELLED
    document.version += 1


async def _stop(session: AsyncSession, queue: JobQueue, document: Document) -> bool:
    """Whether there was work on the document, which now there is not."""
    jobs = queue.table.c
    unfinished = await session.scalar(
        sa.select(jobs.id).where(
            jobs.organization_id == document.organization_id,
            jobs.document_id == document.id,
            jobs.state.not_in(FINISHED),
        )
    )
    return unfinished is not None and await queue.cancel(session, unfinished)


def _place_in_queue(
    session: AsyncSession, actor: Actor, document_id: UUID, number: int
) -> dict[str, Any]:
    """The parameters of `_ENQUEUE`: a job, and the event that tells of it."""
    return {
        "job_id": new_id(),
        "job_organization_id": actor.organization_id,
        "job_state": JobState.PENDING,
        "job_document_id": document_id,
        "job_version_number": number,
        "job_correlation_id": actor.request_id,
        "job_traceparent": current_traceparent(),
        **outbox.parameters(session, DocumentSubmitted.by(actor, document_id=document_id)),
    }
