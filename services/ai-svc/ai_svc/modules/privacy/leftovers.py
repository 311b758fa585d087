"""After the rows: the objects they stood for, and the statistics that know their words."""

from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import Answer, AnswerSource
from ai_svc.modules.batches.models import BatchItem
from ai_svc.modules.chat.models import MessageDocument
from ai_svc.modules.privacy.exceptions import StillAdding, StillCounting, StillThere
from ai_svc.modules.privacy.models import ErasureObjects
from ai_svc.modules.privacy.work import ERASURES, Work
from chassis.data.columns import utc_now
from knowledge.chunk_edit_tables import ChunkEdit
from knowledge.lexical import statistics
from knowledge.models import Base, Chunk, Document, DocumentVersion, IngestionJob
from knowledge.search.models import ChunkSignature
from knowledge.sources.models import SourceItem

_AT_ONCE: Final = 100
_MODELS: Final[tuple[type[Base], ...]] = (
    DocumentVersion,
    Chunk,
    ChunkSignature,
    ChunkEdit,
    IngestionJob,
    AnswerSource,
    BatchItem,
    SourceItem,
    MessageDocument,
)
MADE_OF_DOCUMENTS: Final[tuple[sa.Column[Any], ...]] = (
    *(cast("sa.Table", model.__table__).c.document_id for model in _MODELS),
    cast("sa.Table", Answer.__table__).c.curated_document_id,
)
"""Every column that names a document: a test compares it with the catalogue."""


async def erase_objects(work: Work) -> None:
    """Deletes them and looks again; what is proven to be empty is crossed out. Raises
    StillThere, StillAdding."""
    waits, after = False, ""
    while True:
        mine = sa.select(ErasureObjects).where(
            ErasureObjects.organization_id == work.organization_id,
            ErasureObjects.erasure_id == work.job.id,
            ErasureObjects.prefix > after,
        )
        async with work.fenced() as session:
            found = await session.scalars(mine.order_by(ErasureObjects.prefix).limit(_AT_ONCE))
            left = found.all()
        for objects in left:
            await work.storage.delete_prefix(objects.prefix)
            if [listed async for listed in work.storage.list(objects.prefix)]:
                raise StillThere
            if objects.not_before is not None and objects.not_before > utc_now():
                waits = True
            else:
                await _cross_out(work, objects.prefix)
        if len(left) < _AT_ONCE:
            break
        after = left[-1].prefix
        await work.show("objects", 80)
    if waits:
        raise StillAdding


async def forget_words(work: Work) -> None:
    """Counts words afresh, if chunks were erased: the snapshot knows every stem. Raises
    StillCounting."""
    mine = ERASURES.c.id == work.job.id
    async with work.fenced() as session:
        left = (await session.execute(sa.select(ERASURES.c.words_left).where(mine))).scalar_one()
    if not left:
        return
    # One that began before is not enough, and whoever is at it keeps us out.
    if not await statistics.rebuild(work.database, work.organization_id):
        raise StillCounting
    async with work.fenced() as session:
        await session.execute(sa.update(ERASURES).where(mine).values(words_left=False))
        await work.count(session, {"word_statistics": 1})


async def _cross_out(work: Work, prefix: str) -> None:
    async with work.fenced() as session:
        kind = prefix.split("/")[1]
        if kind != "uploads" and await _anything_of(session, work, UUID(kind)):
            raise StillThere
        await session.execute(
            sa.delete(ErasureObjects)
            .where(
                ErasureObjects.organization_id == work.organization_id,
                ErasureObjects.prefix == prefix,
            )
            .execution_options(synchronize_session=False)
        )


async def _anything_of(session: AsyncSession, work: Work, document_id: UUID) -> bool:
    """Whether any table still knows the document, but as one that was deleted."""
    there = [
        sa.exists().where(
            column.table.c.organization_id == work.organization_id, column == document_id
        )
        for column in MADE_OF_DOCUMENTS
    ]
    document = sa.exists().where(
        Document.organization_id == work.organization_id, Document.id == document_id
    )
    return bool(await session.scalar(sa.select(sa.or_(document, *there))))
