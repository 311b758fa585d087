"""What is asked of a search, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from knowledge.embedders.port import Vector
from knowledge.models import Language, SourceType

DEFAULT_TOP_K: Final = 5


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Which documents may answer. What is empty does not restrict."""

    document_ids: Sequence[UUID] = ()
    source_types: Sequence[SourceType] = ()
    tags: Sequence[str] = ()  # any of them
    language: Language | None = None
    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`threshold` is the least similarity of a passage, 0 to 1."""

    text: str
    top_k: int = DEFAULT_TOP_K
    threshold: float = 0.0
    filters: SearchFilters = field(default_factory=SearchFilters)


@dataclass(frozen=True, slots=True)
class QueryEmbedding:
    """The question as a vector, made before the transaction began (it may cost a network call)."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found. `content` is the document's content[char_start:char_end].

    `score` orders the passages of one search and means nothing outside it. `similarity` can be
    compared between searches: see `knowledge.search.similarity`.
    """

    document_id: UUID
    version: int  # of the document, which the offsets refer to
    chunk_id: UUID
    title: str
    page: int | None
    heading: str | None
    content: str
    char_start: int
    char_end: int
    similarity: float
    score: float
