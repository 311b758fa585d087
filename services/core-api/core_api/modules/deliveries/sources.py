"""What a context offers that has mails sent: the words and the address at the moment of sending,
and taking down what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.deliveries.models import DeliveryKind
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Mail:
    """Ready to be sent. Never stored, never logged."""

    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    signed: bool = False
    """It says already who sends it and who answers for personal data."""


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that a worker holds, and by which call it is worked on."""

    organization_id: OrganizationId
    id: UUID
    owner_id: UUID
    client_id: UUID
    run_id: str


class NotToBeSent(Exception):
    """It cannot go out, now or later. `code` is for programs; the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Withdrawn(NotToBeSent):
    """Nobody is to get it any more."""


class MailSource(Protocol):
    """One kind of delivery. Everything happens in the transaction that holds the delivery."""

    @property
    def kind(self) -> DeliveryKind:
        """Which."""

    async def mail(self, tx: AsyncSession, held: Held) -> Mail:
        """As it is to be sent now. NotToBeSent, Withdrawn."""

    async def sent(self, tx: AsyncSession, held: Held, at: datetime, message_id: str) -> None:
        """It went out; the mail's id is the proof."""

    async def failed(self, tx: AsyncSession, held: Held, at: datetime) -> None:
        """It will not go out: a person has to see to it."""
