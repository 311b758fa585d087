"""What automated decisions and their reviews look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Body, Input, Moment, NoneIfBlank
from core_api.modules.decisions.models import (
    DecisionKind,
    DecisionReview,
    ReviewChannel,
    ReviewOutcome,
    ReviewStatus,
)


class ReviewCreate(Input):
    """The subject, or somebody for them, wants a person to look at it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"channel": "phone", "grounds": "O pedido é urgente: o prazo é amanhã."}]
        }
    )

    channel: ReviewChannel
    by_representative: bool = Field(default=False, description="Asked by somebody for the subject")
    grounds: Annotated[Body | None, NoneIfBlank] = Field(
        default=None, description="In their words; sealed under the client's key"
    )
    requested_at: Moment | None = Field(default=None, description="When, if not just now")


class ReviewAnswer(Input):
    """What a person found."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"outcome": "changed", "answer": "A prioridade foi corrigida para urgente."}
            ]
        }
    )

    outcome: ReviewOutcome
    answer: Body = Field(description="For the subject; sealed under the client's key")


class DecisionRead(BaseModel):
    """What a model decided: on what, by which criteria, with what (LGPD Art. 20)."""

    id: UUID
    kind: DecisionKind
    ticket_id: UUID
    client_id: UUID = Field(description="Whose ticket it is today")
    inputs: list[str] = Field(description="Fields that were read", examples=[["subject"]])
    criteria: list[str] = Field(examples=[["urgency-words"]])
    criteria_explained: str = Field(description="In plain Portuguese, for the subject")
    model: str | None
    prompt_version: str | None
    outcome: dict[str, Any] = Field(examples=[{"priority": "high"}])
    confidence: float | None
    applied: bool = Field(description="It took effect before anybody looked at it")
    decided_at: datetime
    review_status: ReviewStatus | None = Field(description="Of the latest review, if any")


class ReviewRead(BaseModel):
    """One review. No words: what answers a POST may be kept for its `Idempotency-Key`."""

    id: UUID
    decision_id: UUID
    client_id: UUID
    status: ReviewStatus
    by_representative: bool
    channel: ReviewChannel
    requested_at: datetime
    recorded_by: UUID
    due_at: datetime
    is_overdue: bool
    outcome: ReviewOutcome | None
    answered_at: datetime | None
    answered_by: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, review: DecisionReview, now: datetime) -> Self:
        """As it stands."""
        return cls(**_standing(review, now))


class ReviewDetail(ReviewRead):
    """With what was said."""

    grounds: str | None = Field(description="Null where none were given, or were erased")
    answer: str | None = Field(description="Null until it was answered, or once it was erased")

    @classmethod
    def opened(
        cls, review: DecisionReview, grounds: str | None, answer: str | None, now: datetime
    ) -> Self:
        """Its texts, as far as their key exists."""
        return cls(**_standing(review, now), grounds=grounds, answer=answer)


def _standing(review: DecisionReview, now: datetime) -> dict[str, Any]:
    names = (name for name in ReviewRead.model_fields if name != "is_overdue")
    overdue = review.status is ReviewStatus.OPEN and now > review.due_at
    return {**{name: getattr(review, name) for name in names}, "is_overdue": overdue}
