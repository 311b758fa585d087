"""What canned replies and macros look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Body, Input, Line, Tags, absent
from core_api.modules.macros.variables import checked
from core_api.modules.tickets.service import TicketPriority, TicketRead, TicketStatus
from shared_schemas.ids import UserId

CannedText = Annotated[
    Body,
    AfterValidator(checked),
    Field(
        description="With variables; `GET /canned-replies/variables` lists them",
        examples=["Olá, {{cliente.primeiro_nome}}! O chamado {{chamado.numero}} foi resolvido."],
    ),
]


class CannedReplyCreate(Input):
    """A new text to reply with."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Saudação",
                    "body": "Olá, {{cliente.primeiro_nome}}! Aqui é {{atendente.nome}}.",
                }
            ]
        }
    )

    name: Line
    body: CannedText
    shared: bool = Field(default=False, description="For everybody; needs `desk:configure`")


class CannedReplyUpdate(Input):
    """What changes. A field left out stays; a text cannot change hands."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Saudação curta"}]})

    name: Line = absent()
    body: CannedText = absent()


class CannedReplyRead(BaseModel):
    """A text to reply with."""

    id: UUID
    name: str = Field(examples=["Saudação"])
    body: str = Field(examples=["Olá, {{cliente.primeiro_nome}}! Aqui é {{atendente.nome}}."])
    shared: bool
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class VariableRead(BaseModel):
    """A name that canned texts may contain in double braces."""

    name: str = Field(examples=["cliente.nome"])
    description: str = Field(examples=["O nome completo do cliente"])
    example: str = Field(examples=["Júlia Prado"])


class RenderedRead(BaseModel):
    """A canned text as it would go out."""

    body: str = Field(examples=["Olá, Júlia! Aqui é Bruno Exemplo."])


class SayAction(Input):
    """Replies, or notes, from a canned text or one of the macro's own."""

    type: Literal["reply", "note"]
    canned_reply_id: UUID | None = None
    body: CannedText | None = None

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if (self.canned_reply_id is None) == (self.body is None):
            raise ValueError("Informe a resposta pronta ou o texto, um dos dois.")
        return self


class SetStatus(Input):
    """Moves the ticket, as far as its status allows it."""

    type: Literal["set_status"]
    status: Literal[
        TicketStatus.OPEN,
        TicketStatus.PENDING,
        TicketStatus.ON_HOLD,
        TicketStatus.RESOLVED,
        TicketStatus.CLOSED,
    ]


class SetPriority(Input):
    """Another priority."""

    type: Literal["set_priority"]
    priority: TicketPriority


class ChangeTags(Input):
    """More tags, or fewer."""

    type: Literal["add_tags", "remove_tags"]
    tags: Annotated[Tags, Field(min_length=1)]


class SetCategory(Input):
    """Another category, or none."""

    type: Literal["set_category"]
    category_id: UUID | None


class Assign(Input):
    """Gives the ticket to somebody, to nobody (null), or to whoever applies the macro (`me`)."""

    type: Literal["assign"]
    assignee_id: UserId | Literal["me"] | None


class SetTeam(Input):
    """Another team, or none."""

    type: Literal["set_team"]
    team_id: UUID | None


Action = Annotated[
    SayAction | SetStatus | SetPriority | ChangeTags | SetCategory | Assign | SetTeam,
    Field(discriminator="type"),
]
Actions = Annotated[list[Action], Field(min_length=1, max_length=20)]
Position = Annotated[int, Field(ge=0, le=10_000, description="Smallest first")]


class MacroCreate(Input):
    """A new macro."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Resolver com agradecimento",
                    "actions": [
                        {"type": "reply", "body": "Obrigado, {{cliente.primeiro_nome}}!"},
                        {"type": "add_tags", "tags": ["resolvido-no-contato"]},
                        {"type": "assign", "assignee_id": "me"},
                        {"type": "set_status", "status": "resolved"},
                    ],
                }
            ]
        }
    )

    name: Line
    actions: Actions
    position: Position = 0
    shared: bool = Field(default=False, description="For everybody; needs `desk:configure`")


class MacroUpdate(Input):
    """What changes. A field left out stays; a macro cannot change hands."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"position": 3}]})

    name: Line = absent()
    actions: Actions = absent()
    position: Position = absent()


class MacroRead(BaseModel):
    """Actions on a ticket, in order, all or none."""

    id: UUID
    name: str = Field(examples=["Resolver com agradecimento"])
    actions: list[dict[str, Any]] = Field(examples=[[{"type": "set_status", "status": "resolved"}]])
    position: int
    shared: bool
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class StepChange(BaseModel):
    """From what to what."""

    old: Any = Field(serialization_alias="from")
    new: Any = Field(serialization_alias="to")


class StepError(BaseModel):
    """Why an action is not possible."""

    code: str = Field(examples=["ILLEGAL_TICKET_MOVE"])
    message: str


class StepRead(BaseModel):
    """What one action does to this ticket."""

    type: str = Field(examples=["reply"])
    text: str | None = Field(description="What is said, with the variables filled in")
    changes: dict[str, StepChange] = Field(description="Fields of the ticket, from what to what")
    error: StepError | None = Field(description="Null: it is possible")


class MacroOutcome(BaseModel):
    """What a macro does, or would do."""

    possible: bool = Field(description="False: applying it would be refused and change nothing")
    steps: list[StepRead]
    ticket: TicketRead = Field(description="As it is afterwards, also assigned by its team")
