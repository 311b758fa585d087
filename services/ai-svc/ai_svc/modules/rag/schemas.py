"""Questions and answers on the wire."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.questions import Filters, Input, QuestionText


class AskRequest(Input):
    """A question in a person's words."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"question": "Quanto custa a segunda via da certidão?"}]},
    )

    question: QuestionText
    filters: Filters = Filters()


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
