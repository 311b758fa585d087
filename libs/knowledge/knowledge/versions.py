"""What a document says next: another version, while the current one is searched on."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import JobQueue
from knowledge import usage
from knowledge.models import Document, DocumentStatus, DocumentVersion, Language
from knowledge.quotas import Quota
from knowledge.submission import (
    DEFAULT_QUOTA,
    Source,
    Upload,
    stop,
    tidy_title,
    version_of,
)
from knowledge.submission_rows import Rows, write
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Its number; or the current one's, if that says the same."""

    number: int
    is_unchanged: bool


async def submit_version(
    session: AsyncSession,
    actor: Actor,
    queue: JobQueue,
    document: Document,
    source: Source,
    *,
    title: str | None = None,
    chunking: str | None = None,
    language: Language | None = None,
    upload: Upload | None = None,
    quota: Quota = DEFAULT_QUOTA,
) -> NewVersion:
    """Another version of a document that is locked with its jobs.

    The current one is searched until this one is indexed. One that is still on its way gives up
    its place: what comes last counts. Raises QuotaExceeded.
    """
    chunking = chunking or document.chunking
    await stop(session, queue, document)
    # Read again: the worker may have written between the caller's read and the job's lock.
    await session.refresh(document)
    document.title = tidy_title(title or "") or document.title
    if await _says_the_same(session, document, source, chunking, language):
        await forget_newer(session, document.organization_id, document.id)
        _settle(document)
        return NewVersion(document.latest_version, is_unchanged=True)
    document.latest_version += 1
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.chunking = chunking
    document.version += 1
    number = document.latest_version
    upload = upload or Upload(document.id)
    await session.flush()
    rows = Rows(None, version_of(actor, source, upload, number, chunking, language))
    await write(session, actor, rows, quota)
    return NewVersion(number, is_unchanged=False)


async def _says_the_same(
    session: AsyncSession,
    document: Document,
    source: Source,
    chunking: str,
    language: Language | None,
) -> bool:
    if source.content_sha256 is None or document.current_version is None:
        return False  # what a page says is only known when it was fetched
    same = await session.scalar(
        sa.select(DocumentVersion.number).where(
            DocumentVersion.organization_id == document.organization_id,
            DocumentVersion.document_id == document.id,
            DocumentVersion.number == document.current_version,
            DocumentVersion.content_sha256 == source.content_sha256,
            DocumentVersion.chunking == str(chunking),
            sa.true() if language is None else DocumentVersion.language == language,
        )
    )
    return same is not None


async def forget_newer(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID
) -> None:
    """Versions after the current one, which never were searched: nobody wants them any more."""
    current = (
        sa.select(Document.current_version)
        .where(Document.organization_id == organization_id, Document.id == document_id)
        .scalar_subquery()
    )
    gone = await session.execute(
        sa.delete(DocumentVersion)
        .where(
            DocumentVersion.organization_id == organization_id,
            DocumentVersion.document_id == document_id,
            DocumentVersion.number > current,
        )
        .returning(DocumentVersion.counted_bytes)
        .execution_options(synchronize_session=False)
    )
    weight = sum(gone.scalars())
    if weight:
        await usage.count(session, organization_id, bytes=-weight)


def _settle(document: Document) -> None:
    assert document.current_version is not None  # noqa: S101 - what was compared with
    document.latest_version = document.current_version
    document.status = DocumentStatus.INDEXED
    document.error_code = document.error_message = None
    document.version += 1
