"""Taking documents in: row, place in the queue and event, all in the caller's transaction."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.object_storage import StoredObject
from chassis.messaging.job_queue import FINISHED, JobQueue
from chassis.web.errors import Conflict
from knowledge.addresses import AddressPolicy
from knowledge.failures import DocumentTooLong, EmptyDocument, refused_for
from knowledge.models import (
    Chunking,
    Document,
    DocumentStatus,
    DocumentVersion,
    Language,
    LegalBasis,
    SourceType,
    Visibility,
)
from knowledge.parsing.causes import ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import sniff
from knowledge.quotas import Quota
from knowledge.submission_rows import Rows, empty_version, enqueue, write
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

MAX_TITLE: Final = 300
_TITLE_OF_TEXT: Final = 80
_FIRST_LINE: Final = re.compile(r"\s*[# ]*([^\n]*)")
_LIMITS: Final = Limits()
DEFAULT_QUOTA: Final = Quota()


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
    charset: str | None = None  # as a server said, of what was fetched from it

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
        content, raw = _storable(text)
        if not content or content.isspace():
            raise EmptyDocument
        if len(content) > _LIMITS.max_characters:
            raise DocumentTooLong
        first_line = _FIRST_LINE.match(content)
        return cls(
            SourceType.TEXT,
            title=tidy_title(first_line[1] if first_line else "")[:_TITLE_OF_TEXT] or "Texto",
            content=content,
            content_sha256=hashlib.sha256(raw).hexdigest(),
            size_bytes=len(raw),
        )

    @classmethod
    def curated(cls, question: str, answer: str) -> "Source":
        """A question with its answer, as `Chunking.QA` cuts it. Raises as `text` does."""
        return replace(cls.text(f"## {question}\n\n{answer}"), type=SourceType.CURATED)

    @classmethod
    def url(cls, url: str, policy: AddressPolicy) -> "Source":
        """A page to be fetched by the worker. Raises UrlRefused for what is plainly not public."""
        address = str(policy.check_url(url))
        return cls(SourceType.URL, title=address[:MAX_TITLE], uri=address)


def _storable(text: str) -> tuple[str, bytes]:
    """As PostgreSQL's text can hold it, without NUL and surrogates, and its bytes. The worker
    normalises the rest."""
    content = text.replace("\x00", "") if "\x00" in text else text
    try:
        return content, content.encode()
    except UnicodeEncodeError:
        raw = content.encode("utf-8", "replace")
        return raw.decode(), raw


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
    """A document as it was taken in, with its version; or the one that says the same already.

    Both are to be read only: what was taken in has the columns as attributes and is no mapped
    object, which would cost a tenth of all that submitting does.
    """

    document: Document
    version: DocumentVersion
    is_duplicate: bool = False


async def submit(
    session: AsyncSession,
    actor: Actor,
    source: Source,
    *,
    title: str | None = None,
    chunking: str = Chunking.AUTO,
    language: Language | None = None,
    tags: Sequence[str] = (),
    access: Access = EVERYBODY,
    external_id: str | None = None,
    upload: Upload | None = None,
    allow_duplicate: bool = False,
    quota: Quota = DEFAULT_QUOTA,
) -> Submitted:
    """A pending document. Without a `language` the worker detects it.

    `chunking` is a strategy or a `Cutting.key`. `upload` says under which ids the original lies in
    the storage. Unless `allow_duplicate`, what says the same to the same people as a document that
    is searched already, or on its way, is not taken in again: that one is returned. Raises
    QuotaExceeded.
    """
    upload = upload or Upload()
    version = version_of(actor, source, upload, 1, chunking, language)
    document = {
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
        "created_at": version["created_at"],
        "updated_at": version["created_at"],
        "version": 1,
    }
    unless_like = source.content_sha256 is not None and not allow_duplicate
    twin_id = await write(session, actor, Rows(document, version), quota, unless_like=unless_like)
    if twin_id is not None:
        return await _shown(session, actor, twin_id)
    return Submitted(
        cast("Document", SimpleNamespace(**document)),
        cast("DocumentVersion", SimpleNamespace(**version)),
    )


async def retry(session: AsyncSession, actor: Actor, document: Document) -> None:
    """Puts the newest version, which failed or was cancelled, back into the queue. Raises
    DocumentNotRetryable."""
    if document.status not in (DocumentStatus.FAILED, DocumentStatus.CANCELLED):
        raise DocumentNotRetryable
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.version += 1
    await enqueue(session, actor, document.id, document.latest_version)


async def cancel(session: AsyncSession, queue: JobQueue, document: Document) -> None:
    """Stops the work on a document, also while a worker is at it. Raises DocumentNotCancellable.

    A version that was searched before is searched on. The worker loses its lease with this
    transaction: nothing it writes afterwards is kept.
    """
    if not await stop(session, queue, document):
        raise DocumentNotCancellable
    # Read again: the worker may have written between the caller's read and the job's lock.
    await session.refresh(document)
    document.status = DocumentStatus.CANCELLED
    document.version += 1


async def stop(session: AsyncSession, queue: JobQueue, document: Document) -> bool:
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


def version_of(
    actor: Actor,
    source: Source,
    upload: Upload,
    number: int,
    chunking: str,
    language: Language | None,
) -> dict[str, Any]:
    """The columns of a version that waits."""
    return {
        **empty_version(),
        "id": upload.version_id,
        "organization_id": actor.organization_id,
        "document_id": upload.document_id,
        "number": number,
        "source_type": source.type,
        "source_uri": source.uri,
        "storage_key": source.storage_key,
        "content": source.content,
        "mime_type": source.mime_type,
        "charset": source.charset,
        "content_sha256": source.content_sha256,
        "size_bytes": source.size_bytes,
        "counted_bytes": source.size_bytes or 0,
        "chunking": str(chunking),
        "language": language,
        "submitted_by": actor.user_id,
    }


async def _shown(session: AsyncSession, actor: Actor, document_id: UUID) -> Submitted:
    found = await session.execute(
        sa.select(Document, DocumentVersion)
        .join(
            DocumentVersion,
            sa.and_(
                DocumentVersion.organization_id == Document.organization_id,
                DocumentVersion.document_id == Document.id,
                DocumentVersion.number
                == sa.func.coalesce(Document.current_version, Document.latest_version),
            ),
        )
        .where(Document.organization_id == actor.organization_id, Document.id == document_id)
    )
    document, version = found.one()
    return Submitted(document, version, is_duplicate=True)
