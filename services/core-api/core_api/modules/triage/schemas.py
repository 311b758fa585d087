"""What proposals and their settings look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Body, Input, absent
from core_api.modules.tickets.service import TicketPriority
from core_api.modules.triage.models import TicketTriage, TriageField, TriageMode, TriageStatus
from shared_schemas.triage import TriageCitation, TriageDuplicate

Confidence = Annotated[float, Field(ge=0, le=1)]


class TriageAccept(Input):
    """What of the proposal takes effect, as if the person had entered it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"fields": ["category", "priority"]}]}
    )

    fields: Annotated[list[TriageField], Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="Null: everything proposed that is not in effect yet"
    )


class TriageDecline(Input):
    """Why not."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "É sobre a taxa de lixo, não sobre o IPTU."}]}
    )

    reason: Body = Field(description="Kept with the proposal, and sealed in the audit log")


class TriageRead(BaseModel):
    """A proposal without its texts: what answers a POST may be kept for its `Idempotency-Key`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID = Field(description="Also the decision's, as its source")
    ticket_id: UUID
    status: TriageStatus
    category_id: UUID | None
    category_confidence: float | None = Field(examples=[0.82])
    priority: TicketPriority | None
    priority_confidence: float | None
    team_id: UUID | None
    team_confidence: float | None
    confidence: float | None = Field(description="Of the weakest part")
    inputs: list[str] = Field(description="Fields that were read", examples=[["subject"]])
    criteria: list[str] = Field(examples=[["category-words"]])
    model: str = Field(examples=["builtin-triage-1"])
    prompt_version: str | None
    applied: list[TriageField] = Field(description="What took effect by itself")
    kept: list[TriageField] = Field(
        description="What did not, though certain enough: a person had decided it"
    )
    accepted: list[TriageField] = Field(description="What a person took over")
    decided_by: UUID | None
    decided_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class TriageDetail(TriageRead):
    """With its texts."""

    draft: str | None = Field(
        description="A reply with marks [1], [2]… of its citations; accepted it becomes a draft"
        " message of the ticket, which a person sends",
        examples=["Olá! A segunda via sai em dois dias úteis. [1]"],
    )
    citations: list[TriageCitation]
    duplicates: list[TriageDuplicate] = Field(description="Tickets of the same client")
    reasons: list[str] = Field(examples=[["Categoria “Tributos”: “carnê”, “iptu”."]])
    decline_reason: str | None

    @classmethod
    def of(cls, triage: TicketTriage) -> Self:
        """As it stands."""
        read: dict[str, Any] = TriageRead.model_validate(triage).model_dump()
        texts = ("draft", "citations", "duplicates", "reasons", "decline_reason")
        return cls(**read, **{name: getattr(triage, name) for name in texts})


class TriageSettingsUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mode": "apply", "least_confidence": 0.85}]}
    )

    mode: TriageMode = absent()
    least_confidence: Confidence = absent()


class TriageSettingsRead(BaseModel):
    """How far triage goes by itself."""

    model_config = ConfigDict(from_attributes=True)

    mode: TriageMode = Field(
        description="`off`: no ticket is read for it; `propose`: people decide; `apply`: what is"
        " certain enough takes effect, unless a person has decided it, and is a decision that can"
        " be contested"
    )
    least_confidence: float = Field(
        description="From which on a field takes effect by itself", examples=[0.8]
    )
    version: int = Field(description="Goes up with every change; also the `ETag`")
