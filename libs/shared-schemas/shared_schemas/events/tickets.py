"""Facts about tickets. Owner: core-api; `ticket.triaged` comes from ai-svc."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class TicketPayload(Payload):
    """Which ticket of which client."""

    ticket_id: UUID
    client_id: UUID


class TicketUpdatedPayload(TicketPayload):
    """Which fields changed: names only, never values."""

    changed: tuple[str, ...] = ()


class TicketTriagedPayload(Payload):
    """Which ticket got a triage proposal."""

    ticket_id: UUID


class TicketCreated(BaseEvent):
    """A ticket was opened."""

    TYPE: ClassVar[str] = "ticket.created"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketPayload


class TicketUpdated(BaseEvent):
    """A ticket's fields, status or messages changed."""

    TYPE: ClassVar[str] = "ticket.updated"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketUpdatedPayload


class TicketResolved(BaseEvent):
    """A ticket was resolved."""

    TYPE: ClassVar[str] = "ticket.resolved"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketPayload


class TicketTriaged(BaseEvent):
    """The assistant proposed a triage."""

    TYPE: ClassVar[str] = "ticket.triaged"
    SOURCE: ClassVar[str] = "ai-svc"

    payload: TicketTriagedPayload
