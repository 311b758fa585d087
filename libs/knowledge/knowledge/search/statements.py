"""The statements of a search's legs. Row-level security holds in each; every one also names its
tenant, and what the reader may not read is gone before anything is counted, scored or left out.

What is looked for are parameters. Who looks, and with which filters, is in the statement itself: it
is built once for all that these ask, since building both takes as long as finding few candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT, HALFVEC, SPARSEVEC
from sqlalchemy.dialects.postgresql import ARRAY

from knowledge.access import Reader, readable
from knowledge.models import EMBEDDING_DIMENSIONS, LEXICAL_DIMENSIONS, Chunk, Document
from knowledge.search.conditions import (
    Condition,
    conditions,
    of_chunks,
    of_readable,
    restricts_chunks,
)
from knowledge.search.models import ChunkSignature
from knowledge.search.passages import SearchFilters

_KEPT: Final = 100

Statement = sa.Select[*tuple[Any, ...]]


class _Written(HALFVEC):
    """A vector that is given as PostgreSQL reads it."""

    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> None:
        """Nothing to convert."""


_TEXTS: Final = ARRAY(sa.Text())
_QUESTION: Final = sa.bindparam("question", type_=SPARSEVEC(LEXICAL_DIMENSIONS))
_ASKED: Final = sa.bindparam("asked", type_=_Written(EMBEDDING_DIMENSIONS))
_STEMS: Final = sa.cast(sa.bindparam("stems", type_=_TEXTS), _TEXTS)
_REQUIRED: Final = sa.cast(sa.bindparam("required", type_=_TEXTS), _TEXTS)
_LIMIT: Final = sa.bindparam("limit", type_=sa.Integer())
_MOST: Final = sa.bindparam("most", type_=sa.Integer())


@dataclass(frozen=True)
class Statements:
    """All have the parameters `question` (the sparse vector) and `limit`; with a `model` also
    `asked`, the question's embedding by it, as `embedding_text_of` writes it. `with_vectors`: rows
    bring the chunks' embeddings.
    """

    reader: Reader
    filters: SearchFilters
    model: str | None
    with_vectors: bool

    @cached_property
    def exact(self) -> Statement:
        """The best by LEX of all there are."""
        scored = sa.select(*_key(), Chunk.lexv.label("lexv")).where(*self._where)
        return self._ranked(scored.subquery())

    @cached_property
    def candidates(self) -> Statement:
        """Of `most` of those with any of `stems` and all of `required`."""
        candidates = sa.select(sa.func.ai.candidate_chunks(_STEMS, _REQUIRED, type_=sa.Uuid()))
        scored = (
            sa.select(*_key(), Chunk.lexv.label("lexv"))
            .where(*self._where, Chunk.id.in_(candidates))
            .limit(_MOST)
        )
        return self._ranked(scored.subquery())

    @cached_property
    def few(self) -> Statement:
        """Of few with any of `stems`, scored where they are found: nobody has to find them again.
        Filters of chunks are not heeded."""
        question = sa.cast(_QUESTION, SPARSEVEC(LEXICAL_DIMENSIONS))
        scored = sa.func.ai.scored_chunks(_STEMS, question).table_valued(
            sa.column("chunk_id", sa.Uuid()),
            sa.column("document_id", sa.Uuid()),
            sa.column("lexical", sa.Float()),
        )
        tenant = sa.literal(self.reader.organization_id, sa.Uuid())
        found = sa.select(tenant.label("tenant_id"), scored.c.chunk_id, scored.c.lexical)
        may_read = of_readable(scored.c.document_id, self.reader, self.filters)
        return self._best(found.where(may_read).subquery())

    @cached_property
    def nearest(self) -> Statement:
        """By cosine, of all there are."""
        return self._by_cosine(self._where)

    @cached_property
    def nearest_by_signature(self) -> Statement:
        """By cosine, of the `most` that are nearest by the signs of their vectors."""
        near = self._near_signatures()
        return self._by_cosine(
            [
                Chunk.organization_id == self.reader.organization_id,
                Chunk.id.in_(sa.select(near.c.chunk_id)),
                Chunk.enabled.is_(True),
            ]
        )

    @cached_property
    def count(self) -> sa.Select[int]:
        """How many there are, counted to `limit`; has no other parameter."""
        some = sa.select(sa.literal(1)).where(*self._where).limit(_LIMIT).subquery()
        return sa.select(sa.func.count()).select_from(some)

    @property
    def _where(self) -> list[Condition]:
        return conditions(self.reader, self.filters)

    def _ranked(self, scored: sa.Subquery) -> Statement:
        lexical = (-scored.c.lexv.max_inner_product(_QUESTION)).label("lexical")
        return self._best(sa.select(scored.c.tenant_id, scored.c.chunk_id, lexical).subquery())

    def _best(self, found: sa.Subquery) -> Statement:
        considered = sa.func.count().over().label("considered")
        ranked = (
            sa.select(found.c.tenant_id, found.c.chunk_id, found.c.lexical, considered)
            .order_by(found.c.lexical.desc(), found.c.chunk_id)
            .limit(_LIMIT)
            .subquery()
        )
        return (
            self._with_content(ranked, ranked.c.lexical, ranked.c.considered)
            .where(ranked.c.lexical > 0)
            .order_by(ranked.c.lexical.desc(), ranked.c.chunk_id)
        )

    def _by_cosine(self, where: Sequence[Condition]) -> Statement:
        distance = Chunk.embedding.cosine_distance(_ASKED)
        nearest = (
            sa.select(*_key(), distance.label("distance"))
            .where(*where, Chunk.embedding_model == self.model)
            .order_by(distance, Chunk.id)
            .limit(_LIMIT)
            .subquery()
        )
        score: sa.ColumnElement[float] = -Chunk.lexv.max_inner_product(_QUESTION)
        return self._with_content(nearest, score).order_by(nearest.c.distance)

    def _near_signatures(self) -> sa.CTE:
        """The nearest by the signs of their vectors, of all the reader may read.

        All are of the question's model (`all_embedded`), and those compared by their whole vectors
        are asked once more: for every signature it would take a tenth of the scan.
        """
        vector = sa.cast(_ASKED, HALFVEC(EMBEDDING_DIMENSIONS))
        # A subquery of its own: evaluated once, not for every row.
        mine = sa.select(
            sa.cast(sa.func.binary_quantize(vector), BIT(EMBEDDING_DIMENSIONS))
        ).scalar_subquery()
        return (
            sa.select(ChunkSignature.chunk_id)
            .where(
                ChunkSignature.organization_id == self.reader.organization_id,
                of_readable(ChunkSignature.document_id, self.reader, self.filters),
                self._said_of_chunks(),
            )
            .order_by(ChunkSignature.signature.hamming_distance(mine), ChunkSignature.chunk_id)
            .limit(_MOST)
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
    ) -> Statement:
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

    def _cosine(self) -> sa.ColumnElement[float | None]:
        """Null where another model embedded."""
        if self.model is None:
            return sa.cast(sa.null(), sa.Float())
        distance = Chunk.embedding.cosine_distance(_ASKED)
        return sa.case((Chunk.embedding_model == self.model, 1 - distance))


@lru_cache(maxsize=_KEPT)
def statements(
    reader: Reader, filters: SearchFilters, model: str | None, *, with_vectors: bool
) -> Statements:
    """The same ones for who asks alike."""
    return Statements(reader, filters, model, with_vectors)


def _key() -> tuple[sa.Label[Any], ...]:
    """Of a scored chunk, by which its texts are fetched."""
    return Chunk.organization_id.label("tenant_id"), Chunk.id.label("chunk_id")
