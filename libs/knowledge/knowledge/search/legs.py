"""The statements of a search. Row-level security holds in each; every one also names its tenant,
and what the reader may not read is gone before anything is counted, scored or left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from pgvector import HalfVector
from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.access import Reader, readable
from knowledge.lexical.query import Question
from knowledge.lexical.statistics import Statistics
from knowledge.models import EMBEDDING_DIMENSIONS, LEXICAL_DIMENSIONS, Chunk, Document
from knowledge.search.candidates import (
    EXACT_UP_TO,
    FEWEST,
    MOST,
    Wanted,
    candidate_stems,
    widened,
)
from knowledge.search.conditions import (
    Condition,
    conditions,
    of_chunks,
    of_readable,
    restricts_chunks,
)
from knowledge.search.models import ChunkSignature
from knowledge.search.passages import QueryEmbedding, SearchFilters

SIGNATURES_FROM: Final = 2_000
"""Chunks. Comparing whole vectors takes 5 µs each, their signatures a fortieth of it."""
RESCORED: Final = 200
"""Nearest by signature, compared by their whole vectors. Recall@10 is above .99 with half."""

_PLANNED_FOR_THE_TENANT: Final = sa.select(
    sa.func.set_config("plan_cache_mode", "force_custom_plan", True),
    sa.func.set_config("max_parallel_workers_per_gather", "0", True),
)
"""A plan for any organization expects a small one: four times as long for one of 100,000 chunks
beside 1,000 of 100. Parallel workers would take the cores from the leg beside."""

Row = sa.Row[Any]
"""id, document_id, version_number, position, title, page, heading, content, char_start, char_end,
lexical, cosine (null without a vector of the question's model), and embedding if asked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a leg found, best first, and how it looked."""

    rows: Sequence[Row]
    way: str
    considered: int | None


@dataclass(frozen=True, slots=True)
class Legs:
    """Both legs over what one reader may read."""

    reader: Reader
    filters: SearchFilters
    question: Question
    statistics: Statistics
    embedding: QueryEmbedding | None
    with_vectors: bool = False  # rows bring the chunks' embeddings

    async def lexical(self, session: AsyncSession, limit: int) -> Seen:
        """The best by LEX. In a large organization only candidates are scored."""
        where = conditions(self.reader, self.filters)
        if self.statistics.chunk_count <= EXACT_UP_TO:
            return await self._exact(session, where, limit)
        seen = Seen((), "candidates", 0)
        for wanted in self._wanted():
            seen = await self._of_candidates(session, where, wanted, limit)
            if (seen.considered or 0) >= FEWEST:
                return seen
        # A filter, or a reader of little, may leave few enough to score them all.
        some = sa.select(sa.literal(1)).where(*where).limit(EXACT_UP_TO + 1).subquery()
        left = await session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
        return await self._exact(session, where, limit) if left <= EXACT_UP_TO else seen

    async def dense(self, session: AsyncSession, embedding: QueryEmbedding, limit: int) -> Seen:
        """The nearest by cosine, among the chunks embedded by the question's model."""
        large = self.statistics.chunk_count > SIGNATURES_FROM
        if large:
            await session.execute(_PLANNED_FOR_THE_TENANT)
            near = self._near_signatures(embedding)
            where: list[Condition] = [
                Chunk.organization_id == self.reader.organization_id,
                Chunk.id.in_(sa.select(near.c.chunk_id)),
                Chunk.enabled.is_(True),
            ]
        else:
            where = conditions(self.reader, self.filters)
        distance = Chunk.embedding.cosine_distance(_asked(embedding))
        nearest = (
            sa.select(*_key(), distance.label("distance"))
            .where(*where, Chunk.embedding_model == embedding.model)
            .order_by(distance, Chunk.id)
            .limit(limit)
            .subquery()
        )
        statement = self._with_content(nearest, self._score()).order_by(nearest.c.distance)
        rows = (await session.execute(statement)).all()
        return Seen(rows, "signatures" if large else "exact", None)

    def _wanted(self) -> Iterator[Wanted]:
        """The rarest stems; then, should they meet too little, with others like them."""
        narrow = candidate_stems(self.question.stems)
        if narrow is not None:
            yield narrow
        read = {reading.stem for readings in self.question.words for reading in readings}
        wide = widened(dict.fromkeys(read, 0) | self.question.stems, self.statistics)
        if wide is not None:
            yield wide

    async def _exact(self, session: AsyncSession, where: Sequence[Condition], limit: int) -> Seen:
        scored = sa.select(*_key(), Chunk.lexv.label("lexv")).where(*where).subquery()
        return await self._ranked(session, scored, limit, "exact")

    async def _of_candidates(
        self, session: AsyncSession, where: Sequence[Condition], wanted: Wanted, limit: int
    ) -> Seen:
        if wanted.few and not restricts_chunks(self.filters):
            return await self._of_few(session, wanted, limit)
        candidates = sa.select(
            sa.func.ai.candidate_chunks(
                _texts(wanted.stems), _texts(wanted.required), type_=sa.Uuid()
            )
        )
        scored = (
            sa.select(*_key(), Chunk.lexv.label("lexv"))
            .where(*where, Chunk.id.in_(candidates))
            .limit(MOST)
            .subquery()
        )
        return await self._ranked(session, scored, limit, "candidates")

    async def _of_few(self, session: AsyncSession, wanted: Wanted, limit: int) -> Seen:
        """Scored where they are found: nobody has to find them once more."""
        question = sa.cast(self.question.vector, SPARSEVEC(LEXICAL_DIMENSIONS))
        scored = sa.func.ai.scored_chunks(_texts(wanted.stems), question).table_valued(
            sa.column("chunk_id", sa.Uuid()),
            sa.column("document_id", sa.Uuid()),
            sa.column("lexical", sa.Float()),
        )
        tenant = sa.literal(self.reader.organization_id, sa.Uuid())
        found = sa.select(tenant.label("tenant_id"), scored.c.chunk_id, scored.c.lexical)
        may_read = of_readable(scored.c.document_id, self.reader, self.filters)
        return await self._best(session, found.where(may_read).subquery(), limit, "candidates")

    async def _ranked(
        self, session: AsyncSession, scored: sa.Subquery, limit: int, way: str
    ) -> Seen:
        lexical = (-scored.c.lexv.max_inner_product(self.question.vector)).label("lexical")
        found = sa.select(scored.c.tenant_id, scored.c.chunk_id, lexical).subquery()
        return await self._best(session, found, limit, way)

    async def _best(self, session: AsyncSession, found: sa.Subquery, limit: int, way: str) -> Seen:
        considered = sa.func.count().over().label("considered")
        ranked = (
            sa.select(found.c.tenant_id, found.c.chunk_id, found.c.lexical, considered)
            .order_by(found.c.lexical.desc(), found.c.chunk_id)
            .limit(limit)
            .subquery()
        )
        statement = (
            self._with_content(ranked, ranked.c.lexical, ranked.c.considered)
            .where(ranked.c.lexical > 0)
            .order_by(ranked.c.lexical.desc(), ranked.c.chunk_id)
        )
        rows = (await session.execute(statement)).all()
        return Seen(rows, way, rows[0].considered if rows else 0)

    def _near_signatures(self, embedding: QueryEmbedding) -> sa.CTE:
        """The nearest by the signs of their vectors, of all the reader may read.

        All are of the question's model (`all_embedded`), and those compared by their whole vectors
        are asked once more: for every signature it would take a tenth of the scan.
        """
        vector = sa.cast(_asked(embedding), HALFVEC(EMBEDDING_DIMENSIONS))
        # A subquery of its own: evaluated once, not for every row.
        mine = sa.select(
            sa.cast(sa.func.binary_quantize(vector), BIT(EMBEDDING_DIMENSIONS))
        ).scalar_subquery()
        found: list[Condition] = [
            ChunkSignature.organization_id == self.reader.organization_id,
            of_readable(ChunkSignature.document_id, self.reader, self.filters),
        ]
        found.append(self._said_of_chunks())
        return (
            sa.select(ChunkSignature.chunk_id)
            .where(*found)
            .order_by(ChunkSignature.signature.hamming_distance(mine), ChunkSignature.chunk_id)
            .limit(RESCORED)
            .cte("near")
        )

    def _said_of_chunks(self) -> Condition:
        """Switched-off chunks are few and have an index; other conditions ask every chunk."""
        mine = sa.and_(
            Chunk.organization_id == ChunkSignature.organization_id,
            Chunk.id == ChunkSignature.chunk_id,
        )
        if restricts_chunks(self.filters):
            return sa.exists().where(mine, *of_chunks(self.filters))
        off = sa.select(Chunk.id).where(
            Chunk.organization_id == self.reader.organization_id, sa.not_(Chunk.enabled)
        )
        return ChunkSignature.chunk_id.not_in(off)

    def _with_content(
        self, scored: sa.Subquery, lexical: sa.ColumnElement[float], *more: sa.ColumnElement[Any]
    ) -> sa.Select[*tuple[Any, ...]]:
        """Texts are fetched for the few that won, not for all that were scored."""
        vectors = [Chunk.embedding.label("embedding")] if self.with_vectors else []
        return (
            sa.select(
                Chunk.id,
                Chunk.document_id,
                Chunk.version_number,
                Chunk.position,
                Document.title,
                Chunk.page,
                Chunk.heading,
                Chunk.content,
                Chunk.char_start,
                Chunk.char_end,
                lexical.label("lexical"),
                self._cosine().label("cosine"),
                *more,
                *vectors,
            )
            .join_from(
                scored,
                Chunk,
                sa.and_(Chunk.organization_id == scored.c.tenant_id, Chunk.id == scored.c.chunk_id),
            )
            .join(
                Document,
                sa.and_(
                    Document.organization_id == Chunk.organization_id,
                    Document.id == Chunk.document_id,
                ),
            )
            # Said of the candidates, too, in a quicker way: this is the one that counts.
            .where(readable(self.reader, self.filters.client_id))
        )

    def _score(self) -> sa.ColumnElement[float]:
        score: sa.ColumnElement[float] = -Chunk.lexv.max_inner_product(self.question.vector)
        return score

    def _cosine(self) -> sa.ColumnElement[float | None]:
        """Null where another model embedded."""
        if self.embedding is None:
            return sa.cast(sa.null(), sa.Float())
        distance = Chunk.embedding.cosine_distance(_asked(self.embedding))
        return sa.case((Chunk.embedding_model == self.embedding.model, 1 - distance))


def _key() -> tuple[sa.Label[Any], ...]:
    """Of a scored chunk, by which its texts are fetched."""
    return Chunk.organization_id.label("tenant_id"), Chunk.id.label("chunk_id")


def _asked(embedding: QueryEmbedding) -> sa.BindParameter[Any]:
    """One parameter, however often a statement names it: writing it takes most of a millisecond."""
    vector = HalfVector(embedding.vector)
    return sa.bindparam("asked", vector, HALFVEC(EMBEDDING_DIMENSIONS))


def _texts(values: Sequence[str]) -> Any:
    return sa.cast(list(values), ARRAY(sa.Text()))
