"""Submitting a batch: every item on its own, all of them in the request's transaction."""

from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.intake import Arrived
from ai_svc.modules.batches.models import Batch, BatchItem, Outcome
from ai_svc.modules.documents.exceptions import ExternalIdTaken
from ai_svc.modules.documents.submitting import submit_as_said
from ai_svc.modules.privacy.exceptions import ERASED_CLIENT, ClientErased
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
    # Two batches with the same texts wait for each other in one order.
    in_order = sorted(enumerate(items), key=lambda each: _digest(each[1]))
    rows = [
        await _submit_one(session, actor, batch, position, item, quota)
        for position, item in in_order
    ]
    session.add_all(rows)
    await session.flush()
    return batch


async def _submit_one(
    session: AsyncSession, actor: Actor, batch: Batch, position: int, item: Arrived, quota: Quota
) -> BatchItem:
    row = BatchItem(
        organization_id=batch.organization_id,
        batch_id=batch.id,
        position=position,
        client_id=item.client_id,
    )
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
        fired = str(getattr(driver_error(error), "constraint_name", ""))
        if fired == ERASED_CLIENT:
            return _refused(row, item, ClientErased())  # the database keeps no name of it
        if "external_id" not in fired:
            raise
        return _refused(row, item, ExternalIdTaken())
    row.document_id = submitted.document.id
    row.outcome = Outcome.DUPLICATE if submitted.is_duplicate else Outcome.ACCEPTED
    item.taken = not submitted.is_duplicate
    return row


def _digest(item: Arrived) -> str:
    return (item.source.content_sha256 if item.source is not None else None) or ""


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
