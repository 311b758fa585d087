"""After a change of the embedder every chunk gets a vector of the new one, in the background.

Batch by batch, the organizations in turn. What is done is what the rows say, so it can end
anywhere and go on anywhere. Meanwhile an organization's search does without its vector leg
(`knowledge.search`), and takes it up again with the last batch.

What may not be sent to the embedder gets a vector made here, and another one once it may.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.database import Database
from knowledge.access import Condition
from knowledge.embedders.port import Embedder, EmbeddingFailed
from knowledge.embedding import compact, embed_here, embedding_text_of
from knowledge.metrics import CHUNKS_REEMBEDDED
from knowledge.models import Chunk, Document
from knowledge.organizations import knowledge_organizations, organizations_keeping
from knowledge.preparation import embedding_text
from knowledge.transfers import KEPT_HERE, may_leave
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_MODEL: Final = Chunk.embedding_model
_ENDS: Final = tuple(
    sa.select(_MODEL).where(beside).order_by(order).limit(1)
    for beside in (_MODEL < KEPT_HERE, _MODEL > KEPT_HERE)
    for order in (_MODEL, _MODEL.desc())
)
"""Of the models beside `KEPT_HERE`: each an end of a range of the index."""

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


def all_embedded(
    organization_id: OrganizationId | sa.BindParameter[UUID], model: str, *, of_client: bool = False
) -> Condition:
    """Whether every chunk of the organization has a vector of this model: only then vectors rank.

    Otherwise a passage would win because it happens to have one already. Those that were kept here
    are of clients: they are met only by who asks about one (`of_client`).
    """
    mine = Chunk.organization_id == organization_id
    of_model: list[Condition] = [
        sa.func.coalesce(end.where(mine).scalar_subquery() == model, sa.true()) for end in _ENDS
    ]
    if of_client:
        of_model.append(sa.not_(sa.exists().where(mine, _MODEL == KEPT_HERE)))
    return sa.and_(*of_model)


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
            done += await self._released(until)
        except EmbeddingFailed as failure:
            _log.warning("reembedding_interrupted", reason=failure.reason, chunks=done)
        if done:
            _log.info("reembedded", chunks=done, model=self.embedder.model)
        return done

    async def _released(self, until: float) -> int:
        """What was kept here and may be sent by now."""
        done = 0
        for organization_id in await organizations_keeping(self.database):
            more = True
            while more and time.monotonic() < until:
                batch = await self._batch(organization_id, KEPT_HERE, only=self._may_leave)
                done += batch
                more = batch > 0
        return done

    async def _batch(
        self, organization_id: OrganizationId, former: str, *, only: Condition | None = None
    ) -> int:
        """Some chunks of one organization: read, close, embed, write what is still as read."""
        statement = _read(organization_id, former, self._may_leave)
        if only is not None:
            statement = statement.where(only)
        async with self.database.transaction(organization_id, read_only=True) as session:
            chunks = (await session.execute(statement)).all()
        sent = [row for row in chunks if row.leaves]
        kept = [row for row in chunks if not row.leaves]
        for some, embed, model in (
            (sent, self.embedder.embed, self.embedder.model),
            (kept, embed_here, KEPT_HERE),
        ):
            if some:
                vectors = compact(await embed([_text(row) for row in some]))
                names = {"of_organization": organization_id, "former_model": former, "model": model}
                rows = [
                    {**names, "of_chunk": row.id, "vector": embedding_text_of(vector)}
                    for row, vector in zip(some, vectors, strict=True)
                ]
                await self._write(organization_id, rows)
                CHUNKS_REEMBEDDED.inc(len(rows))
        return len(chunks)

    @property
    def _may_leave(self) -> Condition:
        recipient = self.embedder.recipient
        return sa.true() if recipient is None else sa.func.coalesce(may_leave(recipient), False)

    async def _write(self, organization_id: OrganizationId, rows: Sequence[dict[str, Any]]) -> None:
        async with self.database.transaction(organization_id) as session:
            connection = await session.connection()
            await connection.execute(_WRITE, rows)


def _text(row: sa.Row[UUID, str, str | None, str, bool]) -> str:
    return embedding_text(row.title, row.heading, row.content)


def _read(
    organization_id: OrganizationId, model: str, leaves: Condition
) -> sa.Select[UUID, str, str | None, str, bool]:
    return (
        sa.select(
            Chunk.id,
            Document.title,
            Chunk.heading,
            Chunk.content,
            leaves.label("leaves"),
        )
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
