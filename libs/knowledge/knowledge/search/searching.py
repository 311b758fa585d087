"""From a question to the best passages of one organization."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.embedders.port import Embedder
from knowledge.lexical.query import Question, understand
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import Chunk
from knowledge.search.candidates import EXACT_UP_TO
from knowledge.search.fusion import dense_weight, fuse
from knowledge.search.legs import (
    Conditions,
    Row,
    conditions,
    dense_ids,
    lexical_rows,
    scored_rows,
)
from knowledge.search.passages import Passage, QueryEmbedding, SearchQuery
from knowledge.search.similarity import similarity_of
from shared_schemas.ids import OrganizationId

FUSED: Final = 50
"""Passages each leg contributes when two legs are fused."""


async def embed_question(embedder: Embedder, text: str) -> QueryEmbedding | None:
    """The question's vector, or None when the embedder does not count for ranking.

    May call a provider: to be awaited before the transaction is opened. Raises EmbeddingFailed.
    """
    if dense_weight(embedder.model) <= 0:
        return None
    return QueryEmbedding(embedder.model, await embedder.embed_query(text))


async def search(
    session: AsyncSession,
    organization_id: OrganizationId,
    query: SearchQuery,
    *,
    statistics: StatisticsCache,
    embedding: QueryEmbedding | None = None,
) -> list[Passage]:
    """The `top_k` best passages, best first, none below the query's threshold."""
    snapshot = await statistics.read(session, organization_id)
    question = understand(query.text, snapshot)
    if question.empty:
        return []
    where = conditions(organization_id, query.filters)
    limit = query.top_k if embedding is None else max(FUSED, query.top_k)
    large = snapshot.chunk_count > EXACT_UP_TO
    rows = await lexical_rows(session, where, question, limit=limit, large=large)
    if embedding is None:
        passages = _passages(rows, question)
    else:
        passages = await _fused(session, where, question, rows, embedding)
    return [found for found in passages if found.similarity >= query.threshold][: query.top_k]


def _passages(rows: Sequence[Row], question: Question) -> list[Passage]:
    return [_passage(row, row.lexical, similarity_of(row.lexical, question.ideal)) for row in rows]


async def _fused(
    session: AsyncSession,
    where: Conditions,
    question: Question,
    lexical: Sequence[Row],
    embedding: QueryEmbedding,
) -> list[Passage]:
    """The union of both legs' best, each scored by both."""
    weight = dense_weight(embedding.model)
    nearest = await dense_ids(session, where, embedding, limit=FUSED)
    union = {*nearest, *(row.id for row in lexical)}
    rows = await scored_rows(session, [*where, Chunk.id.in_(union)], question, embedding)
    scores = fuse([row.lexical for row in rows], [row.cosine for row in rows], weight)
    passages = [
        _passage(row, score, _blended(row, question, weight))
        for row, score in zip(rows, scores, strict=True)
    ]
    return sorted(passages, key=lambda found: (-found.score, found.chunk_id))


def _blended(row: Row, question: Question, weight: float) -> float:
    """The lexical similarity, drawn towards the cosine as far as the embedder is trusted."""
    lexical = similarity_of(row.lexical, question.ideal)
    if row.cosine is None:
        return lexical
    return (1 - weight) * lexical + weight * min(1.0, max(0.0, float(row.cosine)))


def _passage(row: Row, score: float, similarity: float) -> Passage:
    return Passage(
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
