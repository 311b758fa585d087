"""Erasing what is kept about a person beside documents and answers."""

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.batches.models import BatchItem
from ai_svc.modules.memory.models import ClientCorrection
from ai_svc.modules.privacy.work import Subject, Work
from ai_svc.modules.triage.models import Triage
from ai_svc.modules.uploads.models import Upload, UploadPart
from ai_svc.modules.uploads.storing import prefix_of
from knowledge.access_tables import ClientConsent, ClientMerge, ProcessingBlock
from knowledge.deletion import forget_replies

_AT_ONCE: Final = 500
_UPLOADS_AT_ONCE: Final = 50


def uploads_about(subject: Subject) -> tuple[sa.ColumnElement[bool], ...]:
    """Uploads under way that were said to be about the person."""
    named = Upload.fields["client_id"].astext.in_([str(each) for each in subject.client_ids])
    return Upload.organization_id == subject.organization_id, named


def projections_of(subject: Subject) -> dict[str, tuple[sa.Table, sa.ColumnElement[bool]]]:
    """What was told of the person to decide who may read: table → which rows."""
    ids = subject.client_ids
    who = {
        ClientConsent: ClientConsent.client_id.in_(ids),
        ClientMerge: sa.or_(ClientMerge.merged_id.in_(ids), ClientMerge.survivor_id.in_(ids)),
        ProcessingBlock: ProcessingBlock.client_id.in_(ids),
        ClientCorrection: ClientCorrection.client_id.in_(ids),
    }
    found: dict[str, tuple[sa.Table, sa.ColumnElement[bool]]] = {}
    for model, named in who.items():
        table = cast("sa.Table", model.__table__)
        mine = table.c.organization_id == subject.organization_id
        found[table.name] = table, sa.and_(mine, named)
    return found


async def erase_uploads(work: Work) -> None:
    """Uploads under way; their parts are deleted once that is committed."""
    while True:
        async with work.fenced() as session:
            some = sa.select(Upload.id).where(*uploads_about(work.subject))
            upload_ids = (
                await session.scalars(some.limit(_UPLOADS_AT_ONCE).with_for_update())
            ).all()
            mine = (
                UploadPart.organization_id == work.organization_id,
                UploadPart.upload_id.in_(upload_ids),
            )
            parts = await session.scalar(sa.select(sa.func.count()).where(*mine)) or 0
            uploads = await _delete(session, Upload, Upload.id.in_(upload_ids), work)
            await work.leave_objects(
                session, {prefix_of(work.organization_id, each): None for each in upload_ids}
            )
            await work.count(session, {"uploads": uploads, "objects": parts})
        if len(upload_ids) < _UPLOADS_AT_ONCE:
            return
        await work.show("uploads", 50)


async def erase_batch_items(work: Work) -> None:
    """What was refused of batches, too: it bears a name."""
    named = BatchItem.client_id.in_(work.subject.client_ids)
    async with work.fenced() as session:
        batches = sa.select(BatchItem.batch_id).distinct()
        mine = batches.where(BatchItem.organization_id == work.organization_id, named)
        replies = await forget_replies(
            session, work.organization_id, (await session.scalars(mine)).all()
        )
        items = await _delete(session, BatchItem, named, work)
        await work.count(session, {"batch_items": items, "kept_replies": replies})


async def erase_triages(work: Work) -> None:
    """That tickets of the person waited for the assistant."""
    some = (
        sa.select(Triage.id)
        .where(
            Triage.organization_id == work.organization_id,
            Triage.client_id.in_(work.subject.client_ids),
        )
        .limit(_AT_ONCE)
    )
    while True:
        async with work.fenced() as session:
            gone = await _delete(session, Triage, Triage.id.in_(some), work)
            await work.count(session, {"triages": gone})
        if gone < _AT_ONCE:
            return
        await work.show("triages", 60)


async def erase_projections(work: Work) -> None:
    """Consents, merges and blocks as core-api told them. Events that come late are passed over."""
    async with work.fenced() as session:
        for table, mine in projections_of(work.subject).values():
            gone: sa.Result[Any] = await session.execute(
                sa.delete(table).where(mine).returning(sa.literal_column("1"))
            )
            await work.count(session, {"access_projections": len(gone.all())})


async def erase_replies(work: Work) -> None:
    """Answers kept for who repeats a request that named the person."""
    async with work.fenced() as session:
        gone = await forget_replies(session, work.organization_id, work.subject.client_ids)
        await work.count(session, {"kept_replies": gone})


async def _delete(
    session: AsyncSession, model: Any, which: sa.ColumnElement[bool], work: Work
) -> int:
    gone = await session.execute(
        sa.delete(model)
        .where(model.organization_id == work.organization_id, which)
        .returning(model.organization_id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())
