"""What a listener may know of documents right now, and of which it wants to know."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.models import BatchItem
from knowledge.access import Reader, readable
from knowledge.models import Document, DocumentStatus, IngestionJob

UNFINISHED = frozenset({DocumentStatus.PENDING.value, DocumentStatus.PROCESSING.value})
MOST_OF_BATCH = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """None does not restrict. `client_id`: whose documents are meant, too."""

    document_id: UUID | None = None
    batch_id: UUID | None = None
    client_id: UUID | None = None

    @property
    def is_few(self) -> bool:
        """So few that a listener is told at first how they are."""
        return self.document_id is not None or self.batch_id is not None


async def look(
    session: AsyncSession, reader: Reader, wanted: Wanted, among: Collection[UUID] | None
) -> dict[UUID, dict[str, Any]]:
    """How the documents are that the reader may read and wants to hear of, by id, in two
    statements. `among` None: all that are wanted."""
    statement = sa.select(
        Document.id,
        Document.status,
        Document.error_code,
        Document.error_message,
        Document.current_version,
        Document.latest_version,
        Document.version,
    ).where(readable(reader, wanted.client_id))
    if among is not None:
        statement = statement.where(Document.id.in_(list(among)))
    if wanted.document_id is not None:
        statement = statement.where(Document.id == wanted.document_id)
    if wanted.batch_id is not None:
        statement = statement.where(
            Document.id.in_(
                sa.select(BatchItem.document_id).where(
                    BatchItem.organization_id == reader.organization_id,
                    BatchItem.batch_id == wanted.batch_id,
                )
            )
        )
    found = (await session.execute(statement.order_by(Document.id))).all()
    jobs = await _progress(session, reader, [row.id for row in found])
    return {row.id: _state(row, jobs.get(row.id)) for row in found}


async def _progress(
    session: AsyncSession, reader: Reader, document_ids: Sequence[UUID]
) -> dict[UUID, Any]:
    jobs = IngestionJob.__table__.c
    latest = (
        sa.select(jobs.document_id, jobs.stage, jobs.percent)
        .where(jobs.organization_id == reader.organization_id, jobs.document_id.in_(document_ids))
        .ext(distinct_on(jobs.document_id))
        .order_by(jobs.document_id, jobs.created_at.desc(), jobs.id.desc())
    )
    return {row.document_id: row for row in await session.execute(latest)}


def _state(row: Any, job: Any | None) -> dict[str, Any]:
    stage, percent = None, 0
    if row.status is DocumentStatus.INDEXED:
        percent = 100
    elif row.status is not DocumentStatus.PENDING and job is not None:
        stage, percent = job.stage, job.percent
    return {
        "document_id": str(row.id),
        "status": row.status.value,
        "stage": stage,
        "percent": percent,
        "error_code": row.error_code,
        "error_message": row.error_message,
        "current_version": row.current_version,
        "latest_version": row.latest_version,
        "version": row.version,
    }
