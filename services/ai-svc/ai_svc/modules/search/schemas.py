"""Queries and passages on the wire."""

from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.questions import Filters, Input, QuestionText
from knowledge.search import Expansion, Found, Passage, SearchQuery
from knowledge.search.explanation import Explanation
from shared_schemas.envelope import Success

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
    diversity: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Prefer passages that differ from those before them (MMR). 0 is the mere order",
    )
    expand: Expansion = Field(
        default=Expansion.NONE,
        description="What comes with a passage: its neighbours, or the section it stands in",
    )
    explain: bool = Field(default=False, description="Say in `meta` why these, in this order")

    def read(self) -> SearchQuery:
        """As search takes it."""
        return SearchQuery(
            text=self.query,
            top_k=self.top_k,
            threshold=self.threshold,
            filters=self.filters.read(),
            diversity=self.diversity,
            expansion=self.expand,
            explain=self.explain,
        )


class HighlightRead(BaseModel):
    """A word of the passage that met the query: `content[start:end]`, in Unicode code points."""

    start: int
    end: int


class SurroundingsRead(BaseModel):
    """More of the document: `content` is its content[char_start:char_end]."""

    content: str
    char_start: int
    char_end: int


class ScoresRead(BaseModel):
    """What each leg gave a passage."""

    lexical: float = Field(description="BM25 over stems, 4-grams and stem pairs")
    cosine: float | None = Field(description="Null where vectors do not rank")
    fused: float
    reranked: float | None


class PassageRead(BaseModel):
    """A passage: `content` is the version's content[char_start:char_end]."""

    document_id: UUID
    version: int = Field(description="Of the document; its text never changes")
    chunk_id: UUID
    title: str
    page: int | None
    heading: str | None = Field(examples=["Benefícios > Férias"])
    content: str
    char_start: int
    char_end: int
    similarity: float = Field(
        ge=0, le=1, description="Comparable between searches; 0.5 is the brink of evidence"
    )
    score: float = Field(description="Orders the passages of one search")
    highlights: list[HighlightRead] = Field(
        description="Offsets into `content`, stems and accents aside; never HTML"
    )
    surroundings: SurroundingsRead | None = Field(description="Where `expand` asked for it")
    scores: ScoresRead | None = Field(description="Where `explain` asked for it")

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """From a search."""
        return cls.model_validate(passage, from_attributes=True)


class TermRead(BaseModel):
    """What a word of the query was read as."""

    stem: str
    certainty: float = Field(description="Below 1 where a typing mistake was guessed")
    idf: float | None = Field(description="How rare it is; null when no passage found has it")


class LegRead(BaseModel):
    """How a leg looked."""

    name: str = Field(examples=["lexical"])
    way: str = Field(examples=["candidates"], description="exact, candidates or signatures")
    considered: int | None = Field(description="Passages that were scored")
    weight: float
    model: str | None


class ExplanationRead(BaseModel):
    """Why these passages, in this order."""

    terms: list[TermRead]
    legs: list[LegRead]
    fusion: str = Field(examples=["score"])
    milliseconds: dict[str, float] = Field(description="Per step; the legs run side by side")

    @classmethod
    def of(cls, explanation: Explanation) -> Self:
        """From a search."""
        return cls.model_validate(explanation, from_attributes=True)


class SearchMeta(BaseModel):
    """What is to be said of the search beside its passages."""

    suggestion: str | None = Field(
        description="The query as the documents would spell it, where a word is unknown",
        examples=["lei rouanet"],
    )
    reranked: bool | None = Field(
        description="Null without a reranker; false when it failed and the order is the search's"
    )
    explanation: ExplanationRead | None


class SearchAnswer(Success[list[PassageRead]]):
    """Passages, best first."""

    meta: SearchMeta  # type: ignore[assignment]  # a search has no pages, and more to say

    @classmethod
    def to(cls, request_id: str, found: Found) -> Self:
        """The envelope."""
        explanation = found.explanation
        return cls(
            data=[PassageRead.of(passage) for passage in found.passages],
            meta=SearchMeta(
                suggestion=found.suggestion,
                reranked=found.reranked,
                explanation=None if explanation is None else ExplanationRead.of(explanation),
            ),
            request_id=request_id,
        )
