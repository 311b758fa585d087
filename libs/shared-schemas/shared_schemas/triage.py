"""What ai-svc and core-api tell each other of the triage of a ticket, over /internal/v1/triage.

`GET …/tickets/{ticket_id}`: TicketToTriage, all that a proposal is made from. `POST …/proposals`:
TriageProposal → TriageTaken. The same decision comes to the same end however often it is told.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared_schemas.ids import OrganizationId

Priority = Literal["low", "normal", "high", "urgent"]
Share = Annotated[float, Field(ge=0, le=1)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The name of a field, or the code of a criterion."""
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=8_000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$"),
]
"""Without control characters but line breaks and tabs."""

MAX_CITATIONS: Final = 10
MAX_DUPLICATES: Final = 10
MAX_REASONS: Final = 10


class _Sent(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Standing(StrEnum):
    """Whether a ticket is to be triaged."""

    WANTED = "wanted"
    TRIAGED = "triaged"  # this is known already; what came of it is told
    OFF = "off"  # the organization does not want it
    BLOCKED = "blocked"  # the client's data is not to be used
    DONE = "done"  # nobody works on the ticket any more
    GONE = "gone"  # nor is there anything to say of it: erased, merged, of a deleted client


class Choice(_Sent):
    """A category, with the names above its own, or a team."""

    id: UUID
    name: str


class SortedTicket(_Sent):
    """An earlier ticket as people have sorted it. Whose it is decides whether it may be read."""

    client_id: UUID
    category_id: UUID
    text: str


class Routed(_Sent):
    """How many tickets of a category went to a team."""

    category_id: UUID
    team_id: UUID
    tickets: int


class RecentTicket(_Sent):
    """Another ticket of the same client."""

    id: UUID
    number: int
    text: str


class TicketText(_Sent):
    """What is to be triaged."""

    id: UUID
    client_id: UUID
    version: int
    subject: str
    description: str
    channel: str
    priority: Priority
    category_id: UUID | None
    team_id: UUID | None
    opened_at: datetime


class Decided(_Sent):
    """What the register says of a decision: ids, enumerations and numbers."""

    decision_id: UUID
    inputs: tuple[str, ...]
    criteria: tuple[str, ...]
    model: str | None
    prompt_version: str | None
    category_id: UUID | None
    priority: Priority | None
    team_id: UUID | None
    confidence: float | None
    applied: bool


class TicketToTriage(_Sent):
    """All that a proposal is made from; only `standing`, and maybe `decided`, unless wanted."""

    standing: Standing
    decided: Decided | None = None
    ticket: TicketText | None = None
    categories: tuple[Choice, ...] = ()
    teams: tuple[Choice, ...] = ()
    history: tuple[SortedTicket, ...] = ()
    routed: tuple[Routed, ...] = ()
    recent: tuple[RecentTicket, ...] = ()


class TriageCitation(_Sent):
    """A quote of a document that everybody in the organization may read, as it was verified."""

    number: int = Field(ge=1)
    document_id: UUID
    version: int
    title: Text
    page: int | None
    heading: Text | None
    quote: Text
    char_start: int = Field(ge=0)
    char_end: int = Field(ge=0)
    similarity: float


class TriageDuplicate(_Sent):
    """A ticket of the same client that may say the same."""

    ticket_id: UUID
    number: int
    similarity: Share


class TriageProposal(_Sent):
    """A proposal, told as often as it takes. `decision_id` names it for good."""

    organization_id: OrganizationId
    decision_id: UUID
    ticket_id: UUID
    inputs: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    criteria: Annotated[tuple[Word, ...], Field(max_length=20)] = ()
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    prompt_version: Annotated[str, StringConstraints(max_length=200)] | None = None
    category_id: UUID | None = None
    category_confidence: Share | None = None
    priority: Priority | None = None
    priority_confidence: Share | None = None
    team_id: UUID | None = None
    team_confidence: Share | None = None
    draft: Text | None = None
    citations: Annotated[tuple[TriageCitation, ...], Field(max_length=MAX_CITATIONS)] = ()
    duplicates: Annotated[tuple[TriageDuplicate, ...], Field(max_length=MAX_DUPLICATES)] = ()
    reasons: Annotated[tuple[Text, ...], Field(max_length=MAX_REASONS)] = ()


class TriageTaken(_Sent):
    """What became of it; the decision as it stands, which may be an earlier one."""

    standing: Standing
    decided: Decided | None = None
