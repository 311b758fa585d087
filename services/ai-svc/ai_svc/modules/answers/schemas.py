"""Judging, reviewing and correcting answers on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ai_svc.modules.answers.models import Answer, AnswerFeedback, Rating
from ai_svc.questions import Input, QuestionText

Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
AnswerText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)
]


class FeedbackInput(Input):
    """What one thinks of an answer. Saying it again replaces what one said before."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "rating": "down",
                    "comment": "O valor mudou em janeiro.",
                    "corrected_answer": "A segunda via da certidão custa R$ 39,10.",
                }
            ]
        },
    )

    rating: Rating
    comment: Remark | None = None
    corrected_answer: AnswerText | None = Field(
        default=None, description="What it should have said; may become a curated document"
    )


class FeedbackRead(BaseModel):
    """What somebody thinks of an answer."""

    answer_id: UUID
    rating: Rating
    comment: str | None
    corrected_answer: str | None
    updated_at: datetime

    @classmethod
    def of(cls, feedback: AnswerFeedback) -> Self:
        """From the table."""
        return cls(**{name: getattr(feedback, name) for name in cls.model_fields})


class UnansweredRead(BaseModel):
    """A question without an answer, with those that are about the same."""

    id: UUID = Field(description="Of the latest one: what `curate` and `dismiss` take")
    question: str = Field(examples=["Quantos dias de férias eu tenho?"])
    asked: int = Field(description="How often, over all wordings")
    wordings: list[str] = Field(description="Others, at most five")
    last_asked_at: datetime


class LowRatedRead(BaseModel):
    """An answer that did not help."""

    id: UUID
    question: str
    answer: str | None = Field(description="None when it went with a document it quoted")
    down: int
    up: int
    feedback: list[FeedbackRead]
    answered_at: datetime


class NeverCitedRead(BaseModel):
    """A document no answer stood on."""

    document_id: UUID
    title: str
    created_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a query."""
        return cls(document_id=row.id, title=row.title, created_at=row.created_at)


class ReviewRead(BaseModel):
    """What is worth a person's time."""

    unanswered: list[UnansweredRead] = Field(description="Most asked first")
    low_rated: list[LowRatedRead] = Field(description="Worst first")
    never_cited: list[NeverCitedRead] = Field(description="Oldest first")


class CurationInput(Input):
    """What is left out is taken from the question and from the latest correction of its answer."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"answer": "São 30 dias corridos por ano."}]},
    )

    question: QuestionText | None = None
    answer: AnswerText | None = None


class CuratedRead(BaseModel):
    """The document that answers from now on, once it is indexed."""

    document_id: UUID
    title: str
    status: str = Field(examples=["pending"])


def unanswered_of(group: list[Answer]) -> UnansweredRead:
    """Of questions that are about the same, newest first."""
    wordings = list(dict.fromkeys(each.question for each in group))
    return UnansweredRead(
        id=group[0].id,
        question=group[0].question,
        asked=len(group),
        wordings=wordings[1:6],
        last_asked_at=group[0].created_at,
    )
