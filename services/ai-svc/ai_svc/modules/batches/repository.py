"""Reading a batch, with how its documents are."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.exceptions import BatchNotFound
from ai_svc.modules.batches.models import Batch, BatchItem, Outcome
from ai_svc.modules.batches.schemas import BatchItemRead, BatchRead
from knowledge.access import readable, reader_of
from knowledge.models import Document, DocumentStatus, IngestionJob
from shared_schemas.actor import Actor

_UNFINISHED = (DocumentStatus.PENDING, DocumentStatus.PROCESSING)


async def read_batch(
    session: AsyncSession, actor: Actor, batch_id: UUID, client_id: UUID | None
) -> BatchRead:
    """One of the actor's own, in three statements. Raises BatchNotFound."""
    reader = await reader_of(session, actor)
    batch = await session.scalar(
        sa.select(Batch).where(
            Batch.organization_id == actor.organization_id,
            Batch.id == batch_id,
            Batch.submitted_by == actor.user_id,
        )
    )
    if batch is None:
        raise BatchNotFound
    jobs = IngestionJob.__table__.c
    percent = (
        sa.select(jobs.percent)
        .where(jobs.organization_id == Document.organization_id, jobs.document_id == Document.id)
        .order_by(jobs.created_at.desc(), jobs.id.desc())
        .limit(1)
        .correlate(Document)
        .scalar_subquery()
    )
    became = sa.and_(
        Document.organization_id == BatchItem.organization_id,
        Document.id == BatchItem.document_id,
    )
    found = await session.execute(
        sa.select(
            BatchItem,
            Document.status,
            Document.error_code,
            Document.error_message,
            percent.label("percent"),
            readable(reader, client_id).label("may_read"),
        )
        .outerjoin(Document, became)
        .where(BatchItem.organization_id == actor.organization_id, BatchItem.batch_id == batch_id)
        .order_by(BatchItem.position)
        .execution_options(populate_existing=True)  # the database leaves out whom it does not know
    )
    rows = found.all()
    # How far it is, who submitted it may know; what became of a document only its readers.
    whole = _summary(batch, [_item(row) for row in rows])
    shown = [_item(row, hidden=not row.may_read) for row in rows]
    return whole.model_copy(update={"items": shown})


def _item(row: Any, *, hidden: bool = False) -> BatchItemRead:
    item: BatchItem = row[0]
    status = None if hidden else row.status
    return BatchItemRead(
        position=item.position,
        outcome=item.outcome,
        name=item.name,
        document_id=item.document_id,
        status=status,
        percent=_percent(status, row.percent),
        error_code=item.error_code or (None if hidden else row.error_code),
        error_message=item.error_message or (None if hidden else row.error_message),
    )


def _percent(status: DocumentStatus | None, of_job: int | None) -> int | None:
    if status is None:
        return None
    if status is DocumentStatus.PROCESSING:
        return of_job or 0
    return 0 if status is DocumentStatus.PENDING else 100


def _summary(batch: Batch, items: list[BatchItemRead]) -> BatchRead:
    counted = dict.fromkeys(Outcome, 0)
    for item in items:
        counted[item.outcome] += 1
    accepted = [item for item in items if item.outcome is Outcome.ACCEPTED]
    shares = [100 if item.percent is None else item.percent for item in accepted]
    return BatchRead(
        id=batch.id,
        total=batch.total,
        accepted=counted[Outcome.ACCEPTED],
        duplicates=counted[Outcome.DUPLICATE],
        refused=counted[Outcome.REFUSED],
        finished=sum(item.status not in _UNFINISHED for item in accepted),
        percent=sum(shares) // len(shares) if shares else 100,
        created_at=batch.created_at,
        items=items,
    )
