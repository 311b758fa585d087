"""Submitting a batch: every item on its own, all of them in the request's transaction."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.intake import Arrived
from ai_svc.modules.batches.models import Batch, BatchItem, Outcome
from ai_svc.modules.documents.exceptions import ExternalIdTaken
from ai_svc.modules.documents.submitting import submit_as_said
from chassis.web.error_handlers import driver_error
from chassis.web.errors import DomainError
from knowledge.quotas import Quota
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id


async def submit(
    session: AsyncSession, actor: Actor, items: Sequence[Arrived], quota: Quota
) -> Batch:
    """Says of each what became of it; what was refused takes nothing from the others."""
    batch = Batch(
        id=new_id(),
        organization_id=actor.organization_id,
        submitted_by=actor.user_id,
        total=len(items),
    )
    session.add(batch)
    await session.flush()
    rows = [
        await _submit_one(session, actor, batch, position, item, quota)
        for position, item in enumerate(items)
    ]
    session.add_all(rows)
    await session.flush()
    return batch


async def _submit_one(
    session: AsyncSession, actor: Actor, batch: Batch, position: int, item: Arrived, quota: Quota
) -> BatchItem:
    row = BatchItem(organization_id=batch.organization_id, batch_id=batch.id, position=position)
    try:
        if item.refusal is not None or item.source is None or item.fields is None:
            raise item.refusal or DomainError()
        async with session.begin_nested():
            submitted = await submit_as_said(
                session, actor, item.source, item.fields, item.upload, quota
            )
    except DomainError as refusal:
        return _refused(row, item, refusal)
    except IntegrityError as error:
        if "external_id" not in str(getattr(driver_error(error), "constraint_name", "")):
            raise
        return _refused(row, item, ExternalIdTaken())
    row.document_id = submitted.document.id
    row.outcome = Outcome.DUPLICATE if submitted.is_duplicate else Outcome.ACCEPTED
    item.taken = not submitted.is_duplicate
    return row


def _refused(row: BatchItem, item: Arrived, refusal: DomainError) -> BatchItem:
    row.outcome, row.name = Outcome.REFUSED, item.name
    row.error_code = str(refusal.code)
    findings = [
        f"{one.field}: {one.message}" if one.field else one.message
        for one in refusal.details
        if one.type is not None
    ]
    row.error_message = " ".join([str(refusal), *findings])[:1_000]
    return row
