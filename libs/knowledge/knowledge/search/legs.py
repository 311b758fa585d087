"""Both ways of looking: by words, and by vectors. The statements are in `statements`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.access import Reader
from knowledge.embedding import compact, embedding_text_of
from knowledge.lexical.query import Question
from knowledge.lexical.statistics import Statistics
from knowledge.search.candidates import (
    EXACT_UP_TO,
    FEWEST,
    MOST,
    Wanted,
    candidate_stems,
    widened,
)
from knowledge.search.conditions import restricts_chunks
from knowledge.search.passages import QueryEmbedding, SearchFilters
from knowledge.search.statements import Statement, Statements, statements

SIGNATURES_FROM: Final = 2_000
"""Chunks. Comparing whole vectors takes 5 µs each, their signatures a fortieth of it."""
RESCORED: Final = 200
"""Nearest by signature, compared by their whole vectors. Recall@10 is above .99 with half."""

_PLANNED_FOR_THE_TENANT: Final = sa.select(
    sa.func.set_config("plan_cache_mode", "force_custom_plan", True),
    sa.func.set_config("max_parallel_workers_per_gather", "0", True),
)
"""A plan that is kept for any organization expects a small one: four times as long for the vectors
of one of 100,000 chunks beside 1,000 of 100, and twenty times as long for candidates of frequent
words. Parallel workers would take the cores from the leg beside."""

Row = sa.Row[Any]
"""id, document_id, version_number, position, title, page, heading, content, char_start, char_end,
lexical, cosine (null without a vector of the question's model), and embedding if asked for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a leg found, best first, and how it looked."""

    rows: Sequence[Row]
    way: str
    considered: int | None


NOTHING: Final = Seen((), "candidates", 0)


@dataclass(frozen=True)
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
        if self.statistics.chunk_count <= EXACT_UP_TO:
            return await self._exact(session, limit)
        seen = NOTHING
        for wanted in self._wanted():
            seen = await self._of_candidates(session, wanted, limit)
            if (seen.considered or 0) >= FEWEST:
                return seen
        # A filter, or a reader of little, may leave few enough to score them all.
        counted = await session.scalar(self._statements.count, {"limit": EXACT_UP_TO + 1}) or 0
        return await self._exact(session, limit) if counted <= EXACT_UP_TO else seen

    async def dense(self, session: AsyncSession, limit: int) -> Seen:
        """The nearest by cosine, among the chunks embedded by the question's model: where the
        question has an embedding."""
        given = self._given | {"limit": limit}
        if self.statistics.chunk_count <= SIGNATURES_FROM:
            rows = (await session.execute(self._statements.nearest, given)).all()
            return Seen(rows, "exact", None)
        await session.execute(_PLANNED_FOR_THE_TENANT)
        given["most"] = RESCORED
        rows = (await session.execute(self._statements.nearest_by_signature, given)).all()
        return Seen(rows, "signatures", None)

    @cached_property
    def _statements(self) -> Statements:
        model = None if self.embedding is None else self.embedding.model
        return statements(self.reader, self.filters, model, with_vectors=self.with_vectors)

    @cached_property
    def _given(self) -> dict[str, Any]:
        """What is looked for."""
        given: dict[str, Any] = {"question": self.question.vector}
        if self.embedding is not None:
            given["asked"] = embedding_text_of(compact(self.embedding.vector))
        return given

    def _wanted(self) -> Iterator[Wanted]:
        """The rarest stems; then, should they meet too little, with others like them."""
        narrow = candidate_stems(self.question.stems)
        if narrow is not None:
            yield narrow
        read = {reading.stem for readings in self.question.words for reading in readings}
        wide = widened(dict.fromkeys(read, 0) | self.question.stems, self.statistics)
        if wide is not None:
            yield wide

    async def _exact(self, session: AsyncSession, limit: int) -> Seen:
        return await self._best(session, self._statements.exact, {"limit": limit}, "exact")

    async def _of_candidates(self, session: AsyncSession, wanted: Wanted, limit: int) -> Seen:
        given: dict[str, Any] = {"stems": list(wanted.stems), "limit": limit}
        if wanted.few and not restricts_chunks(self.filters):
            return await self._best(session, self._statements.few, given, "candidates")
        await session.execute(_PLANNED_FOR_THE_TENANT)
        given |= {"required": list(wanted.required), "most": MOST}
        return await self._best(session, self._statements.candidates, given, "candidates")

    async def _best(
        self, session: AsyncSession, statement: Statement, given: dict[str, Any], way: str
    ) -> Seen:
        rows = (await session.execute(statement, self._given | given)).all()
        return Seen(rows, way, rows[0].considered if rows else 0)
