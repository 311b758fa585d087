"""Deleting a document and all that is derived: rows in one transaction, objects right after."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from chassis.messaging.endurance import describe
from knowledge import usage
from knowledge.lexical import statistics
from knowledge.lexical.forgetting import forget
from knowledge.lexical.frequencies import COUNTED, Counted, count_rows
from knowledge.models import SCHEMA, Chunk, DeletedDocument, Document, DocumentVersion, IngestionJob
from knowledge.organizations import knowledge_organizations
from knowledge.storage import prefix_of
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_PATIENCE: Final = 20.0
"""Of who deletes, while the words of a large organization are being counted."""
_KEPT_ANSWERS: Final = sa.table(
    "idempotency_keys",
    sa.column("organization_id", sa.Uuid()),
    sa.column("body", sa.LargeBinary()),
    schema=SCHEMA,
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is gone from the database, and what is left to clear after the commit."""

    organization_id: OrganizationId
    document_id: UUID
    words: Counted

    @property
    def chunk_count(self) -> int:
        """How many chunks it had."""
        return self.words.chunks


async def delete(session: AsyncSession, document: Document) -> Deleted:
    """Deletes the document in any state, with its versions, chunks and jobs; a worker at it writes
    no more. What stays is that there was a document of this id.

    After the commit call `clear_traces`; what that misses is found by `sweep`.
    """
    organization_id, document_id = document.organization_id, document.id
    # The job first, as the worker locks them: the other order could deadlock.
    jobs = IngestionJob.__table__.c
    await session.execute(
        sa.delete(IngestionJob).where(
            jobs.organization_id == organization_id, jobs.document_id == document_id
        )
    )
    chunks = await session.execute(
        sa.delete(Chunk)
        .where(Chunk.organization_id == organization_id, Chunk.document_id == document_id)
        .returning(*COUNTED)
    )
    words = await asyncio.to_thread(count_rows, chunks.all())
    versions = await session.execute(
        sa.delete(DocumentVersion)
        .where(
            DocumentVersion.organization_id == organization_id,
            DocumentVersion.document_id == document_id,
        )
        .returning(DocumentVersion.counted_bytes, DocumentVersion.character_count)
    )
    weights = versions.all()
    await session.execute(
        sa.delete(Document)
        .where(Document.organization_id == organization_id, Document.id == document_id)
        .execution_options(synchronize_session=False)
    )
    session.expunge(document)
    await forget_replies(session, organization_id, [document_id])
    session.add(DeletedDocument(id=document_id, organization_id=organization_id))
    await session.flush()
    await usage.count(
        session,
        organization_id,
        documents=-1,
        bytes=-sum(row.counted_bytes for row in weights),
        characters=-sum(row.character_count or 0 for row in weights),
    )
    return Deleted(organization_id, document_id, words)


async def forget_replies(
    session: AsyncSession, organization_id: OrganizationId, told_of: Sequence[UUID]
) -> int:
    """Answers kept for who repeats a request (Idempotency-Key) that told of one of these; returns
    how many."""
    names = sa.cast([str(each).encode() for each in told_of], ARRAY(sa.LargeBinary()))
    named = sa.func.unnest(names, type_=sa.LargeBinary()).column_valued("named")
    gone: sa.Result[Any] = await session.execute(
        sa.delete(_KEPT_ANSWERS)
        .where(
            _KEPT_ANSWERS.c.organization_id == organization_id,
            sa.exists(
                sa.select(named).where(sa.func.pg_catalog.position(_KEPT_ANSWERS.c.body, named) > 0)
            ),
        )
        .returning(sa.literal_column("1"))
    )
    return len(gone.all())


async def clear_traces(database: Database, storage: ObjectStorage, deleted: Deleted) -> None:
    """Deletes the objects of a deleted document and lets the word statistics forget its chunks."""
    try:
        await storage.delete_prefix(prefix_of(deleted.organization_id, deleted.document_id))
    except STORAGE_FAILURES as error:
        _log.warning(
            "objects_left_for_the_sweep",
            document_id=str(deleted.document_id),
            error=type(error).__name__,
        )
    if deleted.chunk_count:
        await _forget_words(database, deleted)


async def _forget_words(database: Database, deleted: Deleted) -> None:
    """The deletion is done, and its caller is told so: what is missed here, upkeep makes up for."""
    tenant = deleted.organization_id
    try:
        async with asyncio.timeout(_PATIENCE):
            if not await statistics.refresh(database, tenant, changed=deleted.chunk_count):
                await forget(database, tenant, deleted.words)
    except Exception as error:  # noqa: BLE001 - as above
        _log.warning("word_counts_not_refreshed", error=describe(error))


async def settle_words(database: Database, *, most: timedelta) -> int:
    """Counts words afresh where something changed since: nothing of a document stays among them
    whose deletion was interrupted. Returns in how many organizations; ends after `most`."""
    deadline = datetime.now(UTC) + most
    settled = 0
    for each in await knowledge_organizations(database):
        if datetime.now(UTC) > deadline:
            break
        settled += await statistics.settle(database, each.organization_id)
    return settled


async def sweep(database: Database, storage: ObjectStorage, *, grace: timedelta) -> int:
    """Deletes objects no document stands for; returns how many documents' worth.

    What is younger than `grace` may belong to a submission that has not committed yet.
    """
    before = datetime.now(UTC) - grace
    swept = 0
    async for page in storage.pages():
        found: dict[OrganizationId, set[UUID]] = {}
        for listed in page:
            owner = _owner(listed.key)
            if owner is not None and listed.modified_at < before:
                found.setdefault(owner[0], set()).add(owner[1])
        for organization_id, document_ids in found.items():
            for orphan in await _orphans(database, organization_id, document_ids):
                # None are left when the document's objects began on the page before.
                if await storage.delete_prefix(prefix_of(organization_id, orphan)):
                    swept += 1
    return swept


async def _orphans(
    database: Database, organization_id: OrganizationId, document_ids: set[UUID]
) -> set[UUID]:
    async with database.transaction(organization_id, read_only=True) as session:
        alive = await session.scalars(
            sa.select(Document.id).where(
                Document.organization_id == organization_id, Document.id.in_(document_ids)
            )
        )
        return document_ids - set(alive)


def _owner(key: str) -> tuple[OrganizationId, UUID] | None:
    """Whose object it is; None for what is not ours. We wrote these keys ourselves."""
    try:
        organization, document, _ = key.split("/", 2)
        return OrganizationId(UUID(organization)), UUID(document)
    except ValueError:
        return None
