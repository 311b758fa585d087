"""What tickets and their messages look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, computed_field, model_validator

from core_api.inputs import Body, Input, Line, NoneIfBlank, Tags, absent
from core_api.modules.fields.service import CustomValues
from core_api.modules.tickets.models import TicketChannel, TicketPriority
from core_api.modules.tickets.moves import Move, TicketStatus, legal_moves
from shared_schemas.ids import UserId

Reason = Annotated[Line, Field(max_length=300, description="Why; kept in the audit log")]


class TicketCreate(Input):
    """A new ticket of a client."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": "0192a000-0000-7000-8000-0000000c0001",
                    "subject": "Certidão atrasada",
                    "description": "Pedi a segunda via há dez dias e ela não chegou.",
                    "priority": "high",
                    "channel": "web",
                    "tags": ["certidão"],
                }
            ]
        }
    )

    client_id: UUID
    subject: Line
    description: Body
    priority: TicketPriority = TicketPriority.NORMAL
    channel: TicketChannel = TicketChannel.WEB
    tags: Tags = Field(default=[])
    category_id: UUID | None = None
    custom_fields: CustomValues = Field(default={})
    team_id: UUID | None = Field(default=None, description="The team whose queue it enters")


class TicketUpdate(Input):
    """What changes. A field left out stays; status and assignee have calls of their own.

    A ticket that enters another team leaves an assignee who is not in it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": "urgent"}]})

    subject: Line = absent()
    description: Body = absent()
    priority: TicketPriority = absent()
    channel: TicketChannel = absent()
    tags: Tags = absent()
    category_id: UUID | None = absent()
    custom_fields: CustomValues = absent()
    team_id: UUID | None = absent()


class TicketMove(Input):
    """What goes with a change of status. Everything is optional; the body may be missing."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "Aguardando o laudo da vistoria."}]}
    )

    note: Annotated[Body | None, NoneIfBlank] = Field(
        default=None, description="Kept as an internal note; the client never sees it"
    )


class TicketAssignment(Input):
    """Who takes care of the ticket: somebody, nobody, a team, or somebody of a team."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"assignee_id": "0192a000-0000-7000-8000-000000000002"}]}
    )

    assignee_id: UserId | None = absent()
    team_id: UUID | None = absent()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("Informe a pessoa, a equipe, ou ambas; null é ninguém.")
        return self


class TicketMergeInto(Input):
    """Which ticket goes on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "into_ticket_id": "0192a000-0000-7000-8000-0000000000fd",
                    "reason": "O mesmo pedido, feito também por telefone.",
                }
            ]
        }
    )

    into_ticket_id: UUID
    reason: Reason | None = None


class TicketSplitOff(Input):
    """What goes to a ticket of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message_ids": ["0192a000-0000-7000-8000-0000000000fc"],
                    "subject": "Poda da árvore",
                }
            ]
        }
    )

    message_ids: Annotated[list[UUID], Field(min_length=1, max_length=200)]
    subject: Line
    description: Annotated[Body | None, NoneIfBlank] = Field(
        default=None, description="Null: what the first of the messages says"
    )
    priority: TicketPriority | None = Field(default=None, description="Null: as the ticket's")
    reason: Reason | None = None


class TicketRead(BaseModel):
    """A ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: int = Field(description="Per organization, from 1, without gaps", examples=[42])
    client_id: UUID
    subject: str = Field(examples=["Certidão atrasada"])
    description: str = Field(examples=["Pedi a segunda via há dez dias e ela não chegou."])
    priority: TicketPriority
    channel: TicketChannel
    status: TicketStatus
    tags: list[str] = Field(examples=[["certidão"]])
    category_id: UUID | None
    custom_fields: dict[str, Any]
    team_id: UUID | None
    assignee_id: UUID | None
    created_by: UUID
    last_message_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    reopened_at: datetime | None
    reopen_count: int = Field(description="How often it came back after it was done")
    first_replied_at: datetime | None
    merged_into_id: UUID | None = Field(description="The ticket that goes on in its place")
    follow_up_of_id: UUID | None = Field(description="The ticket it takes up again")
    sla_due_at: datetime | None = Field(
        description="When the next answer or the resolution is due; null while no time passes"
    )
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    is_withheld: bool = Field(
        default=False, description="The caller lacks `tickets:content`: texts are not shown"
    )

    @computed_field(description="What may happen next")  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def legal_moves(self) -> list[Move]:
        """What the status allows."""
        return list(legal_moves(self.status, merged=self.merged_into_id is not None))
