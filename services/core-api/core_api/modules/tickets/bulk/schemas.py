"""What a change of many tickets looks like on the wire."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Input, Tags
from core_api.modules.tickets.messages.models import MessageKind
from core_api.modules.tickets.messages.schemas import MessageCreate
from core_api.modules.tickets.schemas import TicketAssignment, TicketMove, TicketUpdate
from shared_schemas.ids import UserId

MAXIMUM: Final = 200

Number = Annotated[int, Field(ge=1, lt=2**63)]


class _Many(Input):
    """Which tickets: by id, by number, or some by each."""

    ids: list[UUID] = Field(default=[], max_length=MAXIMUM)
    numbers: list[Number] = Field(default=[], max_length=MAXIMUM)

    @model_validator(mode="after")
    def _some_but_not_too_many(self) -> Self:
        if not 1 <= len(self.ids) + len(self.numbers) <= MAXIMUM:
            raise ValueError(f"Informe de 1 a {MAXIMUM} chamados.")
        return self


class BulkAssign(_Many):
    """Gives the tickets to somebody, to nobody, to a team."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "numbers": [41],
                    "action": "assign",
                    "parameters": {"assignee_id": "0192a000-0000-7000-8000-000000000002"},
                }
            ]
        }
    )

    action: Literal["assign"]
    parameters: TicketAssignment


class BulkMove(_Many):
    """Changes the status of the tickets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "numbers": [41, 42],
                    "action": "resolve",
                    "parameters": {"note": "Obra concluída."},
                }
            ]
        }
    )

    action: Literal["pend", "hold", "resolve", "close", "reopen"]
    parameters: TicketMove = TicketMove()


class BulkChange(_Many):
    """Changes fields of the tickets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"numbers": [41], "action": "change", "parameters": {"priority": "high"}}]
        }
    )

    action: Literal["change"]
    parameters: TicketUpdate


class TagChange(Input):
    """Tags that come and go; the others stay."""

    add: Tags = Field(default=[])
    remove: Tags = Field(default=[])


class BulkTag(_Many):
    """Adds and removes tags."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"numbers": [41], "action": "tag", "parameters": {"add": ["mutirão"]}}]
        }
    )

    action: Literal["tag"]
    parameters: TagChange


class BulkSay(_Many):
    """Adds the same reply or note to the tickets."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"numbers": [41], "action": "say", "parameters": {"kind": "note", "body": "Ver."}}
            ]
        }
    )

    action: Literal["say"]
    parameters: MessageCreate

    @model_validator(mode="after")
    def _of_attendants(self) -> Self:
        if self.parameters.kind not in {MessageKind.REPLY, MessageKind.NOTE}:
            raise ValueError("Em vários chamados só respostas e notas.")
        if self.parameters.attachment_ids:
            raise ValueError("Em vários chamados, sem anexos: cada anexo é de um só chamado.")
        return self


class BulkWatcher(Input):
    """Who is to watch."""

    member_id: UserId | None = Field(default=None, description="Null: whoever asks")


class BulkWatch(_Many):
    """Has somebody watch the tickets."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"numbers": [41], "action": "watch", "parameters": {}}]}
    )

    action: Literal["watch"]
    parameters: BulkWatcher = BulkWatcher()


BulkRequest = Annotated[
    BulkAssign | BulkMove | BulkChange | BulkTag | BulkSay | BulkWatch,
    Field(
        discriminator="action",
        examples=[
            {"numbers": [41, 42], "action": "resolve", "parameters": {"note": "Obra concluída."}}
        ],
    ),
]


class BulkOutcome(StrEnum):
    """What became of one ticket."""

    DONE = "done"
    REFUSED = "refused"


class BulkResult(BaseModel):
    """One of the tickets, as it was asked for."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID | None = Field(description="Null: asked for by a number that does not exist")
    number: int | None = Field(description="Null: asked for by an id that does not exist")
    outcome: BulkOutcome
    code: str | None = Field(default=None, examples=["ILLEGAL_TICKET_MOVE"])
    message: str | None = Field(
        default=None,
        examples=["O chamado está fechado: não é possível responder."],
    )


class BulkRead(BaseModel):
    """How it went: those that could be changed are, the others are as they were."""

    done: int = Field(examples=[1])
    refused: int = Field(examples=[1])
    results: list[BulkResult] = Field(description="In the order asked for, each ticket once")
