"""What messages of tickets look like on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Body, Input, absent
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from shared_schemas.ids import UserId

Mentions = Annotated[
    list[UserId], Field(max_length=50, description="Members it speaks of; they are told")
]
_WITHOUT_MENTIONS = frozenset({MessageKind.CLIENT, MessageKind.DRAFT})


class MessageCreate(Input):
    """Something said about a ticket."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "reply", "body": "A certidão sai amanhã, às 10 horas."}]
        }
    )

    kind: MessageKind = Field(
        description="`reply`: to the client; `note`: internal; `client`: said by the client; "
        "`draft`: a reply that waits for somebody to send it"
    )
    body: Body
    mentions: Mentions = Field(default=[])
    attachment_ids: list[UUID] = Field(
        default=[], max_length=20, description="Pending attachments of the ticket that go with it"
    )

    @model_validator(mode="after")
    def _mentions_among_attendants(self) -> Self:
        if self.mentions and self.kind in _WITHOUT_MENTIONS:
            raise ValueError("Menções só em respostas e notas.")
        return self


class MessageUpdate(Input):
    """What it says from now on. What it said before stays readable as a revision."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"body": "A certidão sai amanhã, às 11 horas."}]}
    )

    body: Body
    mentions: Mentions = absent()


class MessageRead(BaseModel):
    """A message of a ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    ticket_id: UUID = Field(description="The ticket it belongs to; not always the one asked for")
    origin_ticket_id: UUID | None = Field(
        description="Where it was said, if that was another ticket: one merged or split since"
    )
    follow_up_of: UUID | None = Field(
        default=None,
        description="When adding what a client said: the ticket it was meant for, done for so long "
        "that the message went to a follow-up of it",
    )
    kind: MessageKind
    body: str = Field(examples=["A certidão sai amanhã, às 10 horas."])
    author_id: UUID | None = Field(description="The member; null when the client said it")
    drafted_by: UUID | None = Field(description="Who wrote the draft that was sent")
    mentions: list[UUID]
    created_at: datetime
    edited_at: datetime | None
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def within(cls, ticket_id: UUID, message: TicketMessage) -> Self:
        """As shown on a ticket: what was said on one merged into it names that one."""
        read = cls.model_validate(message)
        if message.ticket_id != ticket_id and message.origin_ticket_id is None:
            read.origin_ticket_id = message.ticket_id
        return read


class RevisionRead(BaseModel):
    """What a message said before."""

    model_config = ConfigDict(from_attributes=True)

    revision: int = Field(description="The version of the message that said so", examples=[1])
    body: str = Field(examples=["A certidão sai amanhã, às 10 horas."])
    replaced_by: UUID = Field(description="The member who edited it")
    replaced_at: datetime
