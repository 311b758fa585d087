"""Erasing documents about a person, one transaction each, also while they are being processed."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.models import BatchItem
from ai_svc.modules.privacy.answers import delete_answers, quoting
from ai_svc.modules.privacy.work import Work
from chassis.messaging import outbox
from chassis.messaging.job_queue import JobState
from knowledge import deletion
from knowledge.chunk_edit_tables import ChunkEdit
from knowledge.document_locks import lock_jobs
from knowledge.models import Document, DocumentVersion, IngestionJob, SourceType
from knowledge.sources.erasing import erase_items
from knowledge.storage import prefix_of
from shared_schemas.events import DocumentDeleted

_AT_ONCE: Final = 50


async def erase_documents(work: Work) -> None:
    """All of them, with every version and everything derived."""
    while True:
        async with work.fenced() as session:
            some = work.subject.documents.order_by(Document.id).limit(_AT_ONCE)
            document_ids = (await session.scalars(some)).all()
        for document_id in document_ids:
            await _erase(work, document_id)
        if len(document_ids) < _AT_ONCE:
            return
        await work.show("documents", 30)


async def _erase(work: Work, document_id: UUID) -> None:
    async with work.fenced() as session:
        await lock_jobs(session, work.organization_id, document_id)
        locked = work.subject.documents.with_only_columns(Document).where(
            Document.id == document_id
        )
        document = await session.scalar(locked.with_for_update())
        if document is None:
            return  # deleted meanwhile, or declared not to be about the person
        erased = await _derived(session, work, document_id)
        not_before = await _may_be_added_until(session, work, document_id)
        erased["source_items"] = await erase_items(session, work.organization_id, document_id)
        # Whoever records one more answer waits for the document's lock, and finds no document.
        while answer_ids := await quoting(session, work.organization_id, [document_id]):
            for store, number in (await delete_answers(session, work, answer_ids)).items():
                erased[store] = erased.get(store, 0) + number
        deleted = await deletion.delete(session, document)
        erased |= {"documents": 1, "chunks": deleted.chunk_count}
        prefix = prefix_of(work.organization_id, document_id)
        await work.leave_objects(session, {prefix: not_before})
        outbox.add(
            session,
            DocumentDeleted.caused(
                organization_id=work.organization_id,
                correlation_id=work.job.payload["correlation_id"],
                document_id=document_id,
            ),
        )
        await work.count(session, erased, words_left=deleted.chunk_count > 0)


async def _derived(session: AsyncSession, work: Work, document_id: UUID) -> dict[str, int]:
    """What goes with the document, as it is counted."""
    jobs = IngestionJob.__table__.c
    mine = (
        DocumentVersion.organization_id == work.organization_id,
        DocumentVersion.document_id == document_id,
    )
    tables: dict[str, Any] = {
        "document_versions": sa.select(sa.func.count(DocumentVersion.id)).where(*mine),
        "objects": sa.select(sa.func.count(DocumentVersion.storage_key)).where(*mine),
        "chunk_edits": sa.select(sa.func.count()).where(
            ChunkEdit.organization_id == work.organization_id, ChunkEdit.document_id == document_id
        ),
        "ingestion_jobs": sa.select(sa.func.count()).where(
            jobs.organization_id == work.organization_id, jobs.document_id == document_id
        ),
        "batch_items": sa.select(sa.func.count()).where(
            BatchItem.organization_id == work.organization_id, BatchItem.document_id == document_id
        ),
    }
    counts = [count.scalar_subquery().label(name) for name, count in tables.items()]
    return dict((await session.execute(sa.select(*counts))).mappings().one())


async def _may_be_added_until(
    session: AsyncSession, work: Work, document_id: UUID
) -> datetime | None:
    """A worker that is fetching a page stores it without asking; by then its lease is over."""
    jobs = IngestionJob.__table__.c
    until: datetime | None = await session.scalar(
        sa.select(sa.func.max(jobs.lease_expires_at))
        .join(
            DocumentVersion,
            sa.and_(
                DocumentVersion.organization_id == jobs.organization_id,
                DocumentVersion.document_id == jobs.document_id,
                DocumentVersion.number == jobs.version_number,
            ),
        )
        .where(
            jobs.organization_id == work.organization_id,
            jobs.document_id == document_id,
            jobs.state == JobState.PROCESSING,
            DocumentVersion.source_type == SourceType.URL,
        )
    )
    return until
