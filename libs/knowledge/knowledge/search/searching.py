"""From a question to the best passages a reader may read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import numpy as np
import sqlalchemy as sa
import structlog
from numpy.typing import NDArray

from chassis.data.compiled import CompiledStatement, one_row
from chassis.data.database import Database
from knowledge.access import TENANT, Reader, facts_of_reader, reader_from
from knowledge.embedders.port import Embedder, EmbeddingFailed
from knowledge.lexical.frequencies import find_frequencies
from knowledge.lexical.query import Question, understand, unknown_stems, written_stems
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.statistics_cache import StatisticsCache, generation_of
from knowledge.recipients import Recipient
from knowledge.reembedding import all_embedded
from knowledge.rerankers.port import Reranker, RerankingFailed
from knowledge.search.diversity import POOL, diverse
from knowledge.search.expansion import expanded
from knowledge.search.explanation import Explanation, Leg, Scores, Term
from knowledge.search.fusion import Fusion, dense_weight, fuse, fuse_ranks
from knowledge.search.highlights import highlights
from knowledge.search.legs import NOTHING, Legs, Row, Seen
from knowledge.search.passages import Expansion, Found, Passage, QueryEmbedding, SearchQuery
from knowledge.search.similarity import similarity_of
from knowledge.search.suggestion import suggestion
from knowledge.transfers import may_be_sent
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

_KEPT: Final = 20
FUSED: Final = 50
"""Passages each leg contributes when two legs are fused."""


@dataclass(frozen=True, slots=True)
class _Understood:
    """A question, its reader, and whether every passage has a vector to compare it with."""

    reader: Reader
    statistics: Statistics
    question: Question
    has_vectors: bool


@dataclass(frozen=True, slots=True)
class _Hit:
    """A passage on its way, with its vector where diversity needs it."""

    passage: Passage
    scores: Scores
    vector: NDArray[Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Searcher:
    """Owns its transactions: none is open while a provider embeds or reranks."""

    database: Database
    statistics: StatisticsCache
    embedder: Embedder
    reranker: Reranker | None = None
    rerank_depth: int = 30
    weight: float | None = None  # of the vector leg; None is what was measured for the model
    fusion: Fusion = "score"

    async def find(self, actor: Actor, query: SearchQuery) -> Found:
        """The `top_k` best passages, best first, none below the query's threshold."""
        explanation = Explanation(fusion=self.fusion)
        with explanation.timed("total"):
            return await self._find(actor, query, explanation)

    async def _find(self, actor: Actor, query: SearchQuery, explanation: Explanation) -> Found:
        embedding, understood = await self._prepared(actor, query, explanation)
        reader, question = understood.reader, understood.question
        if question.empty:
            return Found([], question, reader, explanation=explanation if query.explain else None)
        legs = Legs(
            reader=reader,
            filters=query.filters,
            question=question,
            statistics=understood.statistics,
            embedding=embedding,
            with_vectors=query.diversity > 0,
        )
        lexical, dense = await self._looked(legs, self._depth(query), explanation)
        hits = self._fused(lexical, dense, legs)
        hits = [hit for hit in hits if hit.passage.similarity >= query.threshold]
        with explanation.timed("rerank"):
            hits, reranked = await self._reranked(actor.organization_id, query, hits)
        hits = _chosen(hits, query)
        with explanation.timed("finish"):
            passages = await self._finished(reader, query, question, hits)
        if query.explain:
            explanation.terms = _terms(query.text, question, passages)
        return Found(
            passages=passages,
            question=question,
            reader=reader,
            suggestion=suggestion(query.text, question, [each.content for each in passages]),
            reranked=reranked,
            explanation=explanation if query.explain else None,
        )

    async def _embedded(
        self, organization_id: OrganizationId, query: SearchQuery
    ) -> QueryEmbedding | None:
        """The question's vector, where it counts and the question may leave to get it; without it
        the lexical leg answers alone."""
        if self._weight <= 0:
            return None
        if not await self._may_leave(organization_id, query, (), self.embedder.recipient):
            _log.info("question_kept_here", model=self.embedder.model)
            return None
        try:
            return QueryEmbedding(self.embedder.model, await self.embedder.embed_query(query.text))
        except EmbeddingFailed as error:
            _log.warning("question_not_embedded", reason=error.reason)
            return None

    async def _prepared(
        self, actor: Actor, query: SearchQuery, explanation: Explanation
    ) -> tuple[QueryEmbedding | None, _Understood]:
        """The question's vector, while the question is understood."""

        async def embedded() -> QueryEmbedding | None:
            with explanation.timed("embed"):
                return await self._embedded(actor.organization_id, query)

        embedding, understood = await asyncio.gather(
            embedded(), self._understood(actor, query, explanation)
        )
        return (embedding if understood.has_vectors else None), understood

    async def _understood(
        self, actor: Actor, query: SearchQuery, explanation: Explanation
    ) -> _Understood:
        """What the snapshot does not know is looked up: it may be new, or really misspelt."""
        organization_id = actor.organization_id
        model = self.embedder.model if self._weight > 0 else None
        facts = _facts(model, of_client=query.filters.client_id is not None)
        whose = {"organization_id": organization_id, "user_id": actor.user_id}
        async with self.database.transaction(organization_id, read_only=True) as session:
            with explanation.timed("understand"):
                row = await one_row(session, facts, whose)
                statistics = known = await self.statistics.of_generation(
                    session, organization_id, row.generation
                )
                unknown = unknown_stems(query.text, statistics)
                if unknown and statistics.chunk_count:
                    known = statistics.knowing(await find_frequencies(session, unknown))
                question = understand(query.text, known)
        reader = reader_from(actor, team_ids=row.team_ids, has_own=row.has_own)
        return _Understood(reader, statistics, question, row.has_vectors)

    @property
    def _weight(self) -> float:
        """Of the vector leg."""
        return dense_weight(self.embedder.model, self.weight)

    def _depth(self, query: SearchQuery) -> int:
        """How many passages a leg has to bring."""
        deep = [query.top_k]
        if self.reranker is not None:
            deep.append(self.rerank_depth)
        if query.diversity > 0:
            deep.append(POOL)
        return max(deep)

    async def _looked(
        self, legs: Legs, limit: int, explanation: Explanation
    ) -> tuple[Seen, Seen | None]:
        """The legs that count, at the same time, each in a transaction of its own: none holds a
        connection while it waits for another. The slower one sets out first."""
        organization_id, embedding = legs.reader.organization_id, legs.embedding

        async def words(most: int) -> Seen:
            async with self.database.transaction(organization_id, read_only=True) as own:
                with explanation.timed("lexical"):
                    return await legs.lexical(own, most)

        async def vectors(most: int) -> Seen:
            async with self.database.transaction(organization_id, read_only=True) as own:
                with explanation.timed("dense"):
                    return await legs.dense(own, most)

        if embedding is None:
            lexical = await words(limit)
            explanation.legs.append(Leg("lexical", lexical.way, lexical.considered, 1.0))
            return lexical, None
        most = max(FUSED, limit)
        weight, model = self._weight, embedding.model
        if weight >= 1:
            dense = await vectors(most)
            explanation.legs.append(Leg("dense", dense.way, dense.considered, weight, model))
            return NOTHING, dense
        with explanation.timed("legs"):
            dense, lexical = await asyncio.gather(vectors(most), words(most))
        explanation.legs.append(Leg("lexical", lexical.way, lexical.considered, 1 - weight))
        explanation.legs.append(Leg("dense", dense.way, dense.considered, weight, model))
        return lexical, dense

    def _fused(self, lexical: Seen, dense: Seen | None, legs: Legs) -> list[_Hit]:
        """The union of both legs' best, each scored by both. The lexical leg alone as it is."""
        question = legs.question
        if dense is None or legs.embedding is None:
            return [_hit(row, row.lexical, _alike(row, question, 0.0)) for row in lexical.rows]
        both = {row.id: row for row in (*lexical.rows, *dense.rows)}
        rows = _of_newest_version(list(both.values()))
        weight = self._weight
        add = fuse if self.fusion == "score" else fuse_ranks
        scores = add([row.lexical for row in rows], [row.cosine for row in rows], weight)
        hits = [
            _hit(row, score, _alike(row, question, weight))
            for row, score in zip(rows, scores, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.passage.score, hit.passage.chunk_id))

    async def _may_leave(
        self,
        organization_id: OrganizationId,
        query: SearchQuery,
        hits: Sequence[_Hit],
        recipient: Recipient | None,
    ) -> bool:
        """Asked before each call that hands the question on, and what was found for it."""
        client_id = query.filters.client_id
        found = {hit.passage.document_id for hit in hits}
        if recipient is None or not (client_id or found):
            return True
        async with self.database.transaction(organization_id, read_only=True) as session:
            return await may_be_sent(session, organization_id, client_id, found, recipient)

    async def _reranked(
        self, organization_id: OrganizationId, query: SearchQuery, hits: list[_Hit]
    ) -> tuple[list[_Hit], bool | None]:
        """In the reranker's order; as they were when it fails, or may not read all of them."""
        if self.reranker is None or not hits:
            return hits, None
        first, rest = hits[: self.rerank_depth], hits[self.rerank_depth :]
        if not await self._may_leave(organization_id, query, first, self.reranker.recipient):
            _log.info("passages_kept_here", model=self.reranker.name)
            return hits, False
        texts = [_to_read(hit.passage) for hit in first]
        try:
            scores = await self.reranker.rerank(query.text, texts)
        except RerankingFailed as error:
            _log.warning("passages_not_reranked", model=self.reranker.name, reason=str(error))
            return hits, False
        judged = [
            replace(
                hit,
                passage=replace(hit.passage, score=score),
                scores=replace(hit.scores, reranked=score),
            )
            for hit, score in zip(first, scores, strict=True)
        ]
        # What was not read again stays behind, in its order and below the lowest score.
        floor = min(scores)
        rest = [
            replace(hit, passage=replace(hit.passage, score=floor - 1 - place))
            for place, hit in enumerate(rest)
        ]
        return [*sorted(judged, key=lambda hit: -hit.passage.score), *rest], True

    async def _finished(
        self, reader: Reader, query: SearchQuery, question: Question, hits: Sequence[_Hit]
    ) -> list[Passage]:
        """With highlights, surroundings, and the scores for who asked."""
        met = {reading.stem for word in question.words for reading in word}
        passages = [
            replace(
                hit.passage,
                highlights=highlights(hit.passage.content, met) if query.highlighted else (),
                scores=hit.scores if query.explain else None,
            )
            for hit in hits
        ]
        if query.expansion is Expansion.NONE:
            return passages
        async with self.database.transaction(reader.organization_id, read_only=True) as session:
            return await expanded(session, reader, query.filters, passages, query.expansion)


@lru_cache(maxsize=_KEPT)
def _facts(model: str | None, *, of_client: bool) -> CompiledStatement:
    """What a search has to know first, compiled once. `model`: whose vectors count; None: nobody's
    do."""
    has_vectors = all_embedded(TENANT, model, of_client=of_client) if model else sa.false()
    return CompiledStatement(
        sa.select(
            *facts_of_reader(),
            generation_of(TENANT).label("generation"),
            has_vectors.label("has_vectors"),
        )
    )


def _of_newest_version(rows: Sequence[Row]) -> list[Row]:
    """Each leg sees one state of a document; it may have got another version between the two."""
    newest: dict[UUID, int] = {}
    for row in rows:
        newest[row.document_id] = max(row.version_number, newest.get(row.document_id, 0))
    return [row for row in rows if row.version_number == newest[row.document_id]]


def _chosen(hits: list[_Hit], query: SearchQuery) -> list[_Hit]:
    """The first, or those that differ."""
    if query.diversity <= 0 or not hits:
        return hits[: query.top_k]
    pool = hits[:POOL]
    vectors = np.stack([_unit(hit.vector) for hit in pool])
    # From 0 on, whatever a reranker's scores are.
    scores = np.array([hit.passage.score for hit in pool])
    scores = scores - min(0.0, float(scores.min()))
    chosen = diverse(scores.tolist(), vectors, query.diversity, query.top_k)
    return [pool[place] for place in chosen]


def _unit(vector: NDArray[Any] | None) -> NDArray[np.float64]:
    values = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(values))
    unit: NDArray[np.float64] = values / length if length else values
    return unit


def _alike(row: Row, question: Question, weight: float) -> float:
    """The lexical similarity, drawn towards the cosine as far as the embedder is trusted."""
    lexical = similarity_of(row.lexical, question.ideal)
    if row.cosine is None or weight <= 0:
        return lexical
    return (1 - weight) * lexical + weight * min(1.0, max(0.0, float(row.cosine)))


def _hit(row: Row, score: float, similarity: float) -> _Hit:
    passage = Passage(
        document_id=row.document_id,
        version=row.version_number,
        chunk_id=row.id,
        title=row.title,
        page=row.page,
        heading=row.heading,
        content=row.content,
        char_start=row.char_start,
        char_end=row.char_end,
        similarity=similarity,
        score=float(score),
    )
    cosine = None if row.cosine is None else float(row.cosine)
    embedding = row._mapping.get("embedding")  # noqa: SLF001 - how SQLAlchemy names its public mapping
    vector = None if embedding is None else np.asarray(embedding, dtype=np.float32)
    return _Hit(passage, Scores(float(row.lexical), cosine, float(score)), vector)


def _to_read(passage: Passage) -> str:
    """A passage under what it is about, as embedders get it."""
    about = passage.title if passage.heading is None else f"{passage.title}\n{passage.heading}"
    return f"{about}\n\n{passage.content}"


def _terms(text: str, question: Question, passages: Sequence[Passage]) -> list[Term]:
    """What each word was read as, and how rare it is, where a passage found has it.

    Any other word as it was written: what the vocabulary knows beyond may be a closed document's.
    """
    found: list[Term] = []
    for written, readings in zip(written_stems(text), question.words, strict=True):
        met = [reading for reading in readings if _is_met(reading.stem, passages)]
        found += [Term(reading.stem, reading.certainty, reading.idf) for reading in met]
        if not met:
            found.append(Term(written, 1.0, None))
    return found


def _is_met(stem: str, passages: Sequence[Passage]) -> bool:
    return any(highlights(passage.content, {stem}) for passage in passages)
