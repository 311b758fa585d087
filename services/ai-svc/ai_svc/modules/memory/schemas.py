"""What the assistant remembers, over HTTP."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from ai_svc.legible import legible
from ai_svc.modules.memory.models import Fact, FactCorrection, FactSource
from ai_svc.modules.memory.noting import LONGEST, tidy
from ai_svc.questions import Input

FactText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST),
    AfterValidator(legible),
    AfterValidator(tidy),
]


class MemoryCorrection(Input):
    """What the fact says from now on."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"text": "Prefiro respostas curtas, em tópicos."}]},
    )

    text: FactText


class MemoryRead(BaseModel):
    """A fact the caller told the assistant to keep."""

    id: UUID
    text: str = Field(examples=["Prefiro respostas curtas."])
    source: FactSource = Field(
        description="`said`: the caller asked for it; `confirmed`: by confirming a proposal; "
        "`model`: a model took it from the caller's words"
    )
    confidence: float = Field(ge=0, le=1)
    client_ids: list[UUID] = Field(
        description="Clients whose data it may hold: it is used while a purpose is in force"
    )
    conversation_id: UUID | None = Field(description="Where it was told; may be deleted by now")
    message_id: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime = Field(description="When it is forgotten by itself")

    @classmethod
    def of(cls, pair: tuple[Fact, list[UUID]]) -> Self:
        """From the tables."""
        fact, client_ids = pair
        names = cls.model_fields.keys() & fact.__mapper__.columns.keys()
        return cls(client_ids=client_ids, **{name: getattr(fact, name) for name in names})


class EarlierText(BaseModel):
    """What a fact said before."""

    version: int
    text: str
    corrected_by: UUID
    corrected_at: datetime


class MemoryWithHistory(MemoryRead):
    """A fact with what it said before."""

    corrections: list[EarlierText] = Field(description="First to last")

    @classmethod
    def told(cls, pair: tuple[Fact, list[UUID]], corrections: Sequence[FactCorrection]) -> Self:
        """From the tables."""
        read = MemoryRead.of(pair).model_dump()
        names = EarlierText.model_fields
        before = [
            EarlierText(**{name: getattr(each, name) for name in names}) for each in corrections
        ]
        return cls(**read, corrections=before)
