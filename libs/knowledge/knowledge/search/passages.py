"""What is asked of a search, and what it finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from knowledge.access import Reader
from knowledge.embedders.port import Vector
from knowledge.lexical.query import Question
from knowledge.models import Language, SourceType
from knowledge.search.explanation import Explanation, Scores
from knowledge.search.highlights import Highlight

DEFAULT_TOP_K: Final = 5


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Which documents may answer. What is empty does not restrict."""

    document_ids: Sequence[UUID] = ()
    source_types: Sequence[SourceType] = ()
    source_ids: Sequence[UUID] = ()  # watched sources that brought them
    formats: Sequence[str] = ()  # MIME types of the originals, any of them
    tags: Sequence[str] = ()  # any of them
    language: Language | None = None
    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # exclusive
    heading: str | None = None  # a heading path, or the beginning of one: "Benefícios > Férias"
    client_id: UUID | None = None
    """Whose documents may be read beside everybody's; by itself it restricts nothing."""

    def __post_init__(self) -> None:
        """Lists become tuples: statements are kept by reader and filters."""
        for name in ("document_ids", "source_types", "source_ids", "formats", "tags"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


class Expansion(StrEnum):
    """What comes with a passage."""

    NONE = "none"
    NEIGHBOURS = "neighbours"
    """The chunk before it and the one after it."""
    SECTION = "section"
    """All of the section it stands in, as far as it is not too long."""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`threshold` is the least similarity of a passage, 0 to 1; `diversity` too, 0 is none."""

    text: str
    top_k: int = DEFAULT_TOP_K
    threshold: float = 0.0
    filters: SearchFilters = field(default_factory=SearchFilters)
    diversity: float = 0.0
    expansion: Expansion = Expansion.NONE
    explain: bool = False
    highlighted: bool = True  # who shows passages to nobody spares looking for the words


@dataclass(frozen=True, slots=True)
class QueryEmbedding:
    """The question as a vector, made before the transaction began (it may cost a network call)."""

    model: str
    vector: Vector


@dataclass(frozen=True, slots=True)
class Surroundings:
    """More of the document around a passage: `content` is its content[char_start:char_end]."""

    content: str
    char_start: int
    char_end: int


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
    highlights: tuple[Highlight, ...] = ()
    surroundings: Surroundings | None = None
    scores: Scores | None = None  # of each leg, where the query asked for an explanation


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, best first, and how it understood the question."""

    passages: list[Passage]
    question: Question
    reader: Reader
    suggestion: str | None = None
    reranked: bool | None = None
    """Whether the reranker had its say; None where there is none."""
    explanation: Explanation | None = None
