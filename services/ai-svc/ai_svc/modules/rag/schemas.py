"""Questions, passages and answers on the wire."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from knowledge.models import Language, SourceType
from knowledge.search import Passage, SearchFilters, SearchQuery

MAX_QUESTION = 2_000
MAX_TOP_K = 50

QuestionText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUESTION)
]


class Input(BaseModel):
    """A request body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(Input):
    """Which documents may answer. What is left out does not restrict."""

    document_ids: Annotated[list[UUID], Field(max_length=100)] = []
    source_types: Annotated[list[SourceType], Field(max_length=10)] = []
    tags: Annotated[list[str], Field(max_length=30, description="Any of them")] = []
    language: Language | None = None
    created_from: AwareDatetime | None = Field(default=None, description="Inclusive")
    created_to: AwareDatetime | None = Field(default=None, description="Exclusive")

    def read(self) -> SearchFilters:
        """As search takes them."""
        return SearchFilters(
            document_ids=self.document_ids,
            source_types=self.source_types,
            tags=[tag.strip().lower() for tag in self.tags],
            language=self.language,
            created_from=self.created_from,
            created_to=self.created_to,
        )


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


class AskRequest(Input):
    """A question in a person's words."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"question": "Quanto custa a segunda via da certidão?"}]},
    )

    question: QuestionText
    filters: Filters = Filters()


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


class SourceRead(BaseModel):
    """What an answer stands on: `quote` is the document's content[char_start:char_end)."""

    document_id: UUID
    title: str
    page: int | None
    heading: str | None
    quote: str
    char_start: int
    char_end: int
    similarity: float = Field(ge=0, le=1)


class AnswerRead(BaseModel):
    """An answer. `[n]` in it is the n-th source."""

    answer: str = Field(examples=["A segunda via da certidão custa R$ 37,40. [1]"])
    sources: list[SourceRead]
    abstained: bool = Field(description="True when the documents do not answer the question")
    model: str = Field(examples=["extractive"])
    tokens_used: int
