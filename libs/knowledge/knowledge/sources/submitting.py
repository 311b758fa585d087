"""What was fetched becomes a document, or another version of the one it was."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import JobQueue
from knowledge import submission
from knowledge.document_locks import lock_jobs
from knowledge.models import Document
from knowledge.quotas import Quota
from knowledge.sources import rows
from knowledge.sources.entries import Entry
from knowledge.sources.fetching import Fetched
from knowledge.sources.models import ItemState
from knowledge.sources.rows import Run
from knowledge.versions import submit_version


async def submit_fetched(
    session: AsyncSession,
    run: Run,
    documents: JobQueue,
    entry: Entry,
    former: UUID | None,
    fetched: Fetched,
    quota: Quota,
) -> bool:
    """With the item and its count; whether the document keeps what was stored. Raises
    QuotaExceeded."""
    assert fetched.source is not None  # noqa: S101 - something has changed
    if former is None:
        submitted = await submission.submit(
            session,
            run.actor,
            fetched.source,
            chunking=run.chunking,
            language=run.language,
            tags=run.tags,
            access=await rows.access_now(session, run),
            upload=fetched.upload,
            allow_duplicate=True,  # what changes later must be a document of its own
            quota=quota,
        )
        document_id, counted = submitted.document.id, "added"
    else:
        document = await _locked(session, run, former)
        if document is None:  # deleted meanwhile
            await rows.write_item(session, run, entry.address, ItemState.EXCLUDED, {})
            await rows.count(session, run, skipped=1)
            return False
        new = await submit_version(
            session,
            run.actor,
            documents,
            document,
            fetched.source,
            chunking=run.chunking,
            language=run.language,
            upload=fetched.upload,
            quota=quota,
        )
        document_id, counted = former, "unchanged" if new.is_unchanged else "changed"
    values = {**fetched.seen, "document_id": document_id, "misses": 0}
    await rows.write_item(session, run, entry.address, ItemState.ACTIVE, values)
    await rows.count(session, run, **{counted: 1})
    return counted != "unchanged"


async def _locked(session: AsyncSession, run: Run, document_id: UUID) -> Document | None:
    await lock_jobs(session, run.organization_id, document_id)
    found: Document | None = await session.scalar(
        sa.select(Document)
        .where(Document.organization_id == run.organization_id, Document.id == document_id)
        .with_for_update()
    )
    return found
