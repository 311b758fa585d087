"""What is asked of the Brain, and what it says afterwards."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

from ai_svc.provider_settings import ProviderName
from shared_schemas.ids import OrganizationId, UserId


class Use(StrEnum):
    """What a model is asked for."""

    CHAT = "chat"
    ROUTING = "routing"
    TRIAGE = "triage"
    SUMMARY = "summary"
    COMPATIBLE = "compatible"
    ASK = "ask"


class Carries(Protocol):
    """Whose data the messages hold. Read anew before every request: it grows with each tool."""

    @property
    def client_ids(self) -> Collection[UUID]:
        """Clients whose data is in what is sent."""

    @property
    def document_ids(self) -> Collection[UUID]:
        """Documents that passages in what is sent were taken from."""


@dataclass(frozen=True, slots=True)
class CarriesNothing:
    """Nobody's data: the question alone, and nothing that was looked up."""

    client_ids: tuple[UUID, ...] = ()
    document_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who asks a model, what for, and whose data goes along.

    `user_id` None: nobody in person, as with the triage of a new ticket.
    """

    organization_id: OrganizationId
    user_id: UserId | None
    request_id: str
    use: Use
    carried: Carries
    run_id: UUID | None = None


class Candidate(NamedTuple):
    """Who may be asked, and whether also what is about clients."""

    provider: ProviderName
    model: str
    sees_personal_data: bool

    def __str__(self) -> str:
        return f"{self.provider}:{self.model}{'' if self.sees_personal_data else '-'}"


class Kept(StrEnum):
    """Why a model outside was not asked, and the built-in one answered."""

    NO_PROVIDER = "no_provider"
    POLICY = "policy"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Who answered one request, and what it took."""

    provider: str
    """`builtin` for the built-in model."""
    model: str
    input_tokens: int
    output_tokens: int
    cost_micros: int
    currency: str
    kept: Kept | None
    """Set when the built-in model answered. With POLICY the answer has to say so."""
