"""What notices to recipients look like on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input, Line, Moment
from core_api.modules.deliveries.service import DeliveryRead
from core_api.modules.recipients.models import Act, NoticeState, RecipientChannel
from shared_schemas.ids import OrganizationId

Proof = Annotated[
    Line,
    Field(
        examples=["Protocolo 2026-118"],
        description="Where the proof is. Nothing about the client: it outlives an erasure",
    ),
]
When = Annotated[Moment | None, Field(description="When, if not just now")]


class NoticeSent(Input):
    """It went out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel": "email"}]})

    channel: RecipientChannel
    sent_at: When = None


class NoticeDelivered(Input):
    """The recipient has it, and this proves it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"channel": "email", "proof": "Protocolo 2026-118"}]}
    )

    channel: RecipientChannel
    proof: Proof
    delivered_at: When = None


class NoticeImpossible(Input):
    """Telling them is proven to be impossible, or out of all proportion (Art. 18 § 6)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"because": "Empresa extinta em 2024, sem sucessora"}]}
    )

    because: Line


class Delivery(Input):
    """What a service that delivers says of a notice."""

    organization_id: OrganizationId
    state: NoticeState = Field(description="sent or delivered")
    channel: RecipientChannel = RecipientChannel.API
    proof: Proof | None = None


class RecipientNoticeRead(BaseModel):
    """One recipient to be told of one act."""

    id: UUID
    client_id: UUID
    act: Act
    cause_id: UUID = Field(description="The request, block or event it goes back to")
    fields: list[str] = Field(description="Names of what was corrected", examples=[["email"]])
    recipient: str = Field(examples=["Gráfica Boa Vista"])
    recipient_role: str = Field(examples=["operator"])
    country: str | None = Field(description="Of a recipient abroad")
    purpose_codes: list[str]
    state: NoticeState
    due_at: datetime
    channel: RecipientChannel | None
    sent_at: datetime | None
    delivered_at: datetime | None
    proof: str | None
    impossible_because: str | None
    settled_by: UUID | None = Field(description="The member who did; null: a service")
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
    mail: DeliveryRead | None = Field(
        default=None, description="How far the e-mail is that says so, and the proof"
    )

    model_config = ConfigDict(from_attributes=True)


class RecipientNoticeDetail(RecipientNoticeRead):
    """With the text to be sent."""

    letter: str

    @classmethod
    def of(cls, read: RecipientNoticeRead, letter: str) -> Self:
        """The notice and its text."""
        return cls(**read.model_dump(), letter=letter)
