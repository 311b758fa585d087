"""What a run tells while it goes on: typed events, the last of them `done` or `error`."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class AgentName(StrEnum):
    """Who answers."""

    KNOWLEDGE = "knowledge"
    SUPPORT = "support"
    CRM = "crm"
    PRIVACY = "privacy"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)


class Source(_Told):
    """A verified quote: the version's content[char_start:char_end) is `quote`, byte for byte."""

    number: int = Field(ge=1, description="The n of the mark `[n]` in the text")
    document_id: UUID
    version: int
    title: str
    page: int | None
    heading: str | None
    quote: str
    char_start: int
    char_end: int
    similarity: float


class Proposed(_Told):
    """Something the assistant would write, once the person confirms it."""

    proposal_id: UUID
    skill: str = Field(examples=["create_ticket"])
    summary: str
    arguments: dict[str, Any]
    expires_at: datetime


class Stretch(_Told):
    """A part of a text, in characters."""

    start: int
    end: int


class TicketOffer(_Told):
    """What the assistant offers when it found nothing: to open a ticket. An action, not prose."""

    type: Literal["open_ticket"] = "open_ticket"
    subject: str = Field(description="As the ticket would be called")


class AgentAnswer(_Told):
    """A finished answer. `[n]` in the text is the source with that number."""

    text: str
    agent: AgentName
    sources: list[Source] = []
    proposals: list[Proposed] = []
    unsupported: list[Stretch] = Field(
        default=[], description="The sentences of the text that no source and no tool bears out"
    )
    abstained: bool = False
    offer: TicketOffer | None = None
    model: str = Field(examples=["extractive"])
    prompt_version: str | None = Field(default=None, examples=["agent_knowledge.v1"])
    tokens_used: int = 0
    client_ids: list[UUID] = Field(default=[], description="Whose data the run held")
    document_ids: list[UUID] = Field(default=[], description="Which documents' texts it held")


class StartEvent(_Told):
    """The run has begun."""

    type: Literal["start"] = "start"
    run_id: UUID
    conversation_id: UUID | None
    message_id: UUID | None


class AgentEvent(_Told):
    """Who answers, how sure that is, and who helps."""

    type: Literal["agent"] = "agent"
    agent: AgentName
    confidence: float = Field(ge=0, le=1)
    also: list[AgentName] = []


class DeltaEvent(_Told):
    """The next sentence of the answer, checked."""

    type: Literal["delta"] = "delta"
    text: str


class ToolCallEvent(_Told):
    """A tool is used. Its arguments are shown to who asks, and to nobody else."""

    type: Literal["tool_call"] = "tool_call"
    call_id: str
    skill: str
    label: str = Field(examples=["Consultar atendimento"])
    arguments: dict[str, Any] = {}


class ToolResultEvent(_Told):
    """A tool has answered."""

    type: Literal["tool_result"] = "tool_result"
    call_id: str
    skill: str
    ok: bool
    label: str


class CitationEvent(Source):
    """A source of the sentence that comes next."""

    type: Literal["citation"] = "citation"


class ProposalEvent(Proposed):
    """A proposal waits for the person."""

    type: Literal["proposal"] = "proposal"


class CarriedEvent(_Told):
    """Inside the service only, never sent on: from here on the run holds these people's data.

    It comes before anything made of it, so that an erasure finds the message.
    """

    type: Literal["carried"] = "carried"
    client_ids: list[UUID]
    document_ids: list[UUID]


class UsageEvent(_Told):
    """What the run has cost."""

    type: Literal["usage"] = "usage"
    input_tokens: int
    output_tokens: int
    model: str
    cost_micros: int
    currency: str


class DoneEvent(_Told):
    """The run is over; this is the answer as it stands."""

    type: Literal["done"] = "done"
    answer: AgentAnswer


class ErrorEvent(_Told):
    """The run is over without an answer."""

    type: Literal["error"] = "error"
    code: str
    message: str


RunEvent = Annotated[
    StartEvent
    | AgentEvent
    | DeltaEvent
    | ToolCallEvent
    | ToolResultEvent
    | CitationEvent
    | ProposalEvent
    | CarriedEvent
    | UsageEvent
    | DoneEvent
    | ErrorEvent,
    Field(discriminator="type"),
]
