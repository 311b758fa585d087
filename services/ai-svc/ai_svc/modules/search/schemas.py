"""Queries and passages on the wire."""

from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.questions import Filters, Input, QuestionText
from knowledge.search import Passage, SearchQuery

MAX_TOP_K: Final = 50


class SearchRequest(Input):
    """What to look for."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"query": "segunda via da certidão", "top_k": 5}]},
    )

    query: QuestionText
    top_k: int = Field(default=5, ge=1, le=MAX_TOP_K)
    threshold: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Least similarity of a passage. Below 0.5 a passage rarely answers.",
    )
    filters: Filters = Filters()

    def read(self) -> SearchQuery:
        """As search takes it."""
        return SearchQuery(self.query, self.top_k, self.threshold, self.filters.read())


class PassageRead(BaseModel):
    """A passage: `content` is the document's content[char_start:char_end]."""

    document_id: UUID
    title: str
    page: int | None
    heading: str | None
    content: str
    char_start: int
    char_end: int
    similarity: float = Field(
        ge=0, le=1, description="Comparable between searches; 0.5 is the brink of evidence"
    )
    score: float = Field(description="Orders the passages of one search")

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """From a search."""
        return cls(**{name: getattr(passage, name) for name in cls.model_fields})
