"""The statements of a search. Row-level security holds in each; every one also names its tenant."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pgvector import HalfVector
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.lexical.query import Question
from knowledge.models import Chunk, Document
from knowledge.search.candidates import FEWEST, MOST, candidate_query
from knowledge.search.passages import QueryEmbedding, SearchFilters
from shared_schemas.ids import OrganizationId

Conditions = list[sa.ColumnElement[bool]]
Row = sa.Row[Any]
"""id, document_id, version_number, title, page, heading, content, char_start, char_end, lexical,
and cosine."""
_KEY: Final = (Chunk.organization_id.label("tenant_id"), Chunk.id.label("chunk_id"))
"""Of a scored chunk, by which its texts are fetched."""


def conditions(organization_id: OrganizationId, filters: SearchFilters) -> Conditions:
    """What a chunk must fulfil to be looked at."""
    found: Conditions = [Chunk.organization_id == organization_id]
    if filters.document_ids:
        found.append(Chunk.document_id.in_(filters.document_ids))
    if filters.language is not None:
        found.append(Chunk.language == filters.language)
    of_document = _of_document(filters)
    if of_document:
        found.append(
            Chunk.document_id.in_(
                sa.select(Document.id).where(
                    Document.organization_id == organization_id, *of_document
                )
            )
        )
    return found


async def lexical_rows(
    session: AsyncSession, where: Conditions, question: Question, *, limit: int, large: bool
) -> Sequence[Row]:
    """The best by LEX. In a large organization only candidates are scored, if there are enough."""
    narrowed = candidate_query(question.stems) if large else None
    if narrowed is not None:
        candidates = sa.select(
            sa.func.ai.candidate_chunks(sa.cast(narrowed, TSQUERY), MOST, type_=sa.Uuid())
        )
        rows = await _ranked(session, [*where, Chunk.id.in_(candidates)], question, limit)
        if rows and rows[0].considered >= FEWEST:
            return rows
    return await _ranked(session, where, question, limit)


async def dense_ids(
    session: AsyncSession, where: Conditions, embedding: QueryEmbedding, *, limit: int
) -> Sequence[UUID]:
    """The nearest by cosine, among the chunks embedded by the same model."""
    distance = Chunk.embedding.cosine_distance(_half(embedding))
    found = await session.scalars(
        sa.select(Chunk.id)
        .where(*where, Chunk.embedding_model == embedding.model)
        .order_by(distance, Chunk.id)
        .limit(limit)
    )
    return found.all()


async def scored_rows(
    session: AsyncSession, where: Conditions, question: Question, embedding: QueryEmbedding
) -> Sequence[Row]:
    """Both scores of the given chunks; cosine is null where another model embedded."""
    cosine = sa.case(
        (
            Chunk.embedding_model == embedding.model,
            1 - Chunk.embedding.cosine_distance(_half(embedding)),
        )
    )
    scored = sa.select(*_KEY, _lexical(question).label("lexical"), cosine.label("cosine")).where(
        *where
    )
    rows: Sequence[Row] = (await session.execute(_with_content(scored.subquery()))).all()
    return rows


async def _ranked(
    session: AsyncSession, where: Conditions, question: Question, limit: int
) -> Sequence[Row]:
    lexical = _lexical(question).label("lexical")
    ranked = (
        sa.select(*_KEY, lexical, sa.func.count().over().label("considered"))
        .where(*where)
        .order_by(lexical.desc(), Chunk.id)
        .limit(limit)
        .subquery()
    )
    statement = _with_content(ranked).where(ranked.c.lexical > 0)
    ordered = statement.order_by(ranked.c.lexical.desc(), ranked.c.chunk_id)
    rows: Sequence[Row] = (await session.execute(ordered)).all()
    return rows


def _with_content(scored: sa.Subquery) -> sa.Select[Any]:
    """Texts are fetched for the few that won, not for all that were scored."""
    return (
        sa.select(
            Chunk.id,
            Chunk.document_id,
            Chunk.version_number,
            Document.title,
            Chunk.page,
            Chunk.heading,
            Chunk.content,
            Chunk.char_start,
            Chunk.char_end,
            *(column for column in scored.c if column.name not in {"chunk_id", "tenant_id"}),
        )
        .join(
            Chunk,
            sa.and_(
                Chunk.organization_id == scored.c.tenant_id,
                Chunk.id == scored.c.chunk_id,
            ),
        )
        .join(
            Document,
            sa.and_(
                Document.organization_id == Chunk.organization_id,
                Document.id == Chunk.document_id,
            ),
        )
    )


def _lexical(question: Question) -> sa.ColumnElement[float]:
    score: sa.ColumnElement[float] = -Chunk.lexv.max_inner_product(question.vector)
    return score


def _half(embedding: QueryEmbedding) -> HalfVector:
    return HalfVector(embedding.vector)


def _of_document(filters: SearchFilters) -> Conditions:
    found: Conditions = []
    if filters.source_types:
        found.append(Document.source_type.in_(filters.source_types))
    if filters.tags:
        found.append(Document.tags.overlap(list(filters.tags)))
    if filters.created_from is not None:
        found.append(Document.created_at >= filters.created_from)
    if filters.created_to is not None:
        found.append(Document.created_at < filters.created_to)
    return found
