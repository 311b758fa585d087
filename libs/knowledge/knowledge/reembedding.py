"""After a change of the embedder every chunk gets a vector of the new one, in the background.

Batch by batch, the organizations in turn. What is done is what the rows say, so it can end
anywhere and go on anywhere. Meanwhile an organization's search does without its vector leg
(`knowledge.search`), and takes it up again with the last batch.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from knowledge.embedders.port import Embedder, EmbeddingFailed
from knowledge.metrics import CHUNKS_REEMBEDDED
from knowledge.models import Chunk, Document
from knowledge.organizations import knowledge_organizations
from knowledge.preparation import compact, embedding_text
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_FIRST: Final = sa.select(Chunk.embedding_model).order_by(Chunk.embedding_model)
_LAST: Final = sa.select(Chunk.embedding_model).order_by(Chunk.embedding_model.desc())

BATCH: Final = 64
"""Chunks of one request to a provider, and of one short transaction."""

_WRITE: Final = (
    sa.update(Chunk)
    .where(
        Chunk.organization_id == sa.bindparam("of_organization"),
        Chunk.id == sa.bindparam("of_chunk"),
        # Another worker, or the pipeline, may have been here meanwhile.
        Chunk.embedding_model == sa.bindparam("former_model"),
    )
    .values(
        embedding=sa.cast(
            sa.bindparam("vector", type_=sa.Text()), Chunk.__table__.c.embedding.type
        ),
        embedding_model=sa.bindparam("model"),
    )
)


async def all_embedded(session: AsyncSession, organization_id: OrganizationId, model: str) -> bool:
    """Whether every chunk of the organization has a vector of this model: only then vectors rank.

    Otherwise a passage would win because it happens to have one already.
    """
    mine = Chunk.organization_id == organization_id
    ends = sa.select(*(each.where(mine).limit(1).scalar_subquery() for each in (_FIRST, _LAST)))
    return set((await session.execute(ends)).one()) <= {model, None}


@dataclass(frozen=True, slots=True)
class Reembedding:
    """Replaces vectors of other models than the embedder's."""

    database: Database
    embedder: Embedder

    async def run(self, at_most: timedelta) -> int:
        """Works until nothing is left or the time is over; returns how many chunks were done.

        A provider that fails ends the run: the next one begins where it stopped.
        """
        until = time.monotonic() + at_most.total_seconds()
        done = 0
        try:
            while time.monotonic() < until:
                outdated = [
                    (each.organization_id, former)
                    for each in await knowledge_organizations(self.database)
                    if (former := each.outdated(self.embedder.model)) is not None
                ]
                if not outdated:
                    break
                for organization_id, former in outdated:
                    done += await self._batch(organization_id, former)
                    if time.monotonic() >= until:
                        break
        except EmbeddingFailed as failure:
            _log.warning("reembedding_interrupted", reason=failure.reason, chunks=done)
        if done:
            _log.info("reembedded", chunks=done, model=self.embedder.model)
        return done

    async def _batch(self, organization_id: OrganizationId, former: str) -> int:
        """Some chunks of one organization: read, close, embed, write what is still as read."""
        async with self.database.transaction(organization_id, read_only=True) as session:
            chunks = (await session.execute(_read(organization_id, former))).all()
        if not chunks:
            return 0
        texts = [embedding_text(row.title, row.heading, row.content) for row in chunks]
        vectors = compact(await self.embedder.embed(texts))
        rows = [
            {
                "of_organization": organization_id,
                "of_chunk": row.id,
                "former_model": former,
                "vector": HalfVector(vector).to_text(),
                "model": self.embedder.model,
            }
            for row, vector in zip(chunks, vectors, strict=True)
        ]
        await self._write(organization_id, rows)
        CHUNKS_REEMBEDDED.inc(len(rows))
        return len(rows)

    async def _write(self, organization_id: OrganizationId, rows: Sequence[dict[str, Any]]) -> None:
        async with self.database.transaction(organization_id) as session:
            connection = await session.connection()
            await connection.execute(_WRITE, rows)


def _read(organization_id: OrganizationId, model: str) -> sa.Select[UUID, str, str | None, str]:
    return (
        sa.select(Chunk.id, Document.title, Chunk.heading, Chunk.content)
        .join(
            Document,
            sa.and_(
                Document.organization_id == Chunk.organization_id,
                Document.id == Chunk.document_id,
            ),
        )
        .where(Chunk.organization_id == organization_id, Chunk.embedding_model == model)
        .limit(BATCH)
    )
