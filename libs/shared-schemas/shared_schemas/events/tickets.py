"""Facts about tickets. Owner: core-api; `ticket.triaged` comes from ai-svc."""

from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class TicketPayload(Payload):
    """Which ticket of which client."""

    ticket_id: UUID
    client_id: UUID


class TicketUpdatedPayload(TicketPayload):
    """Which fields changed: names only, never values."""

    changed: tuple[str, ...] = ()


class TicketMessagePayload(TicketPayload):
    """Which message, and who speaks to whom."""

    message_id: UUID
    kind: Literal["reply", "note", "client"]


class TicketMentionPayload(TicketPayload):
    """Which members a message speaks of."""

    message_id: UUID
    member_ids: tuple[UUID, ...]


class TicketMergedPayload(TicketPayload):
    """Which ticket goes on in the place of `ticket_id`."""

    into_ticket_id: UUID


class TicketSplitPayload(TicketPayload):
    """Which ticket took over messages of `ticket_id`."""

    new_ticket_id: UUID
    message_ids: tuple[UUID, ...]


class TicketTriagedPayload(Payload):
    """Which ticket got a triage proposal, and how it came about (LGPD Art. 20): names of fields,
    codes and ids, never what stands in them."""

    ticket_id: UUID
    decision_id: UUID | None = None  # by whoever decided; null: the event's own
    inputs: tuple[str, ...] = ()  # fields that were read, e.g. subject, description
    criteria: tuple[str, ...] = ()  # codes of the rules or labels that weighed
    model: str | None = None
    prompt_version: str | None = None
    priority: Literal["low", "normal", "high", "urgent"] | None = None  # proposed
    category_id: UUID | None = None
    team_id: UUID | None = None
    confidence: float | None = None  # 0 to 1
    applied: bool = False  # it took effect without anybody looking at it


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


class TicketMessageAdded(BaseEvent):
    """Something was said about a ticket; a draft only once it is sent."""

    TYPE: ClassVar[str] = "ticket.message_added"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketMessagePayload


class TicketMentioned(BaseEvent):
    """A message speaks of members."""

    TYPE: ClassVar[str] = "ticket.mentioned"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketMentionPayload


class TicketMerged(BaseEvent):
    """A ticket was merged into another one, and closed."""

    TYPE: ClassVar[str] = "ticket.merged"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketMergedPayload


class TicketSplit(BaseEvent):
    """Messages of a ticket went to a new one."""

    TYPE: ClassVar[str] = "ticket.split"
    SOURCE: ClassVar[str] = "core-api"

    payload: TicketSplitPayload


class TicketTriaged(BaseEvent):
    """The assistant proposed a triage."""

    TYPE: ClassVar[str] = "ticket.triaged"
    SOURCE: ClassVar[str] = "ai-svc"

    payload: TicketTriagedPayload
