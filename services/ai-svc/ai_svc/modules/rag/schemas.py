"""Questions and answers on the wire."""

from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.modules.answers.service import Recorded, RecordedSource
from ai_svc.questions import Filters, Input, QuestionText
from knowledge.search import Passage


class AskRequest(Input):
    """A question in a person's words."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"question": "Quanto custa a segunda via da certidão?"}]},
    )

    question: QuestionText
    filters: Filters = Filters()
    stream: bool = Field(
        default=False, description="Answer as server-sent events, as `Accept` may ask for, too"
    )


class SourceRead(BaseModel):
    """What an answer stands on: `quote` is the version's content[char_start:char_end)."""

    document_id: UUID
    version: int = Field(description="Of the document; its text never changes")
    chunk_id: UUID
    title: str
    page: int | None
    heading: str | None = Field(examples=["Benefícios > Férias"])
    quote: str
    char_start: int
    char_end: int
    similarity: float = Field(ge=0, le=1)

    @classmethod
    def of(cls, source: RecordedSource) -> Self:
        """From what was recorded."""
        return cls(**{name: getattr(source, name) for name in cls.model_fields})


class AnswerRead(BaseModel):
    """An answer. `[n]` in it is the n-th source."""

    id: UUID = Field(description="By which it is judged, corrected and deleted")
    answer: str = Field(examples=["A segunda via da certidão custa R$ 37,40. [1]"])
    sources: list[SourceRead]
    abstained: bool = Field(description="True when the documents do not answer the question")
    confidence: float = Field(ge=0, le=1, description="That the documents hold the answer")
    model: str = Field(examples=["extractive"])
    prompt_version: str | None = Field(examples=["answer_question.v1"])
    tokens_used: int
    cached: bool = Field(description="Given before, and nothing has changed since")

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """From what was recorded."""
        facts = {name: getattr(recorded, name) for name in cls.model_fields if name != "sources"}
        return cls(sources=[SourceRead.of(source) for source in recorded.sources], **facts)


class PassageFound(BaseModel):
    """A passage an answer may stand on, before there is an answer."""

    document_id: UUID
    version: int
    chunk_id: UUID
    title: str
    page: int | None
    heading: str | None
    char_start: int
    char_end: int
    similarity: float

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """From a search."""
        return cls(**{name: getattr(passage, name) for name in cls.model_fields})
