"""Tables of tickets and their messages, and what a ticket does when it moves."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum, utc_now
from core_api.modules.tickets.exceptions import IllegalTicketMove
from core_api.modules.tickets.moves import TRANSITIONS, Move, TicketStatus
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


class TicketPriority(StrEnum):
    """How urgent."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TicketChannel(StrEnum):
    """How the client came to us."""

    WEB = "web"
    EMAIL = "email"
    PHONE = "phone"
    WHATSAPP = "whatsapp"
    API = "api"


class MessageKind(StrEnum):
    """Who speaks, and to whom."""

    REPLY = "reply"  # attendant to client
    NOTE = "note"  # among attendants; the client never sees it
    CLIENT = "client"  # client to attendant


def _member(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.members.organization_id", f"{SCHEMA}.members.id"],
    )


class TicketCounter(Base):
    """The last ticket number of an organization.

    Its row lock makes numbers gapless: a ticket rolled back gives its number back, which one from
    a sequence would not.
    """

    __tablename__ = "ticket_counters"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    last_number: Mapped[int] = mapped_column(sa.BigInteger())


class Ticket(VersionedRow, Base):
    """A client's request."""

    __tablename__ = "tickets"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        _member("assignee_id"),
        _member("created_by"),
        sa.Index("ix_tickets_created_at", "organization_id", "created_at", "id"),
        sa.Index("ix_tickets_updated_at", "organization_id", "updated_at", "id"),
        sa.Index("ix_tickets_status", "organization_id", "status", "created_at", "id"),
        sa.Index("ix_tickets_client_id", "organization_id", "client_id", "created_at", "id"),
        sa.Index("ix_tickets_assignee_id", "organization_id", "assignee_id", "created_at", "id"),
    )

    number: Mapped[int] = mapped_column(sa.BigInteger())
    client_id: Mapped[UUID]
    subject: Mapped[str]
    description: Mapped[str]
    priority: Mapped[TicketPriority] = mapped_column(text_enum(TicketPriority, "priority"))
    channel: Mapped[TicketChannel] = mapped_column(text_enum(TicketChannel, "channel"))
    status: Mapped[TicketStatus] = mapped_column(text_enum(TicketStatus, "status"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    assignee_id: Mapped[UserId | None]
    created_by: Mapped[UserId]
    last_message_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    # No GIN index: `@@` is not leakproof, and row-level security keeps such operators out of
    # index conditions.
    search: Mapped[Any] = mapped_column(
        TSVECTOR(),
        sa.Computed("crm.ticket_search(subject, description)", persisted=True),
        deferred=True,
        deferred_raiseload=True,
    )

    def move(self, move: Move) -> frozenset[str]:
        """Makes a move, or IllegalTicketMove; the names of the fields that changed."""
        status = TRANSITIONS[self.status].get(move)
        if status is None:
            raise IllegalTicketMove(self.status, move)
        if status is self.status:
            return frozenset()
        return self.change({"status": status, **self._times_in(status)})

    def _times_in(self, status: TicketStatus) -> dict[str, datetime | None]:
        match status:
            case TicketStatus.RESOLVED:
                return {"resolved_at": utc_now()}
            case TicketStatus.CLOSED:
                return {"closed_at": utc_now()}
            case _:
                return {"resolved_at": None, "closed_at": None}


class TicketMessage(Base):
    """Something said about a ticket. Never changed."""

    __tablename__ = "ticket_messages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "ticket_id"],
            [f"{SCHEMA}.tickets.organization_id", f"{SCHEMA}.tickets.id"],
        ),
        _member("author_id"),
        sa.Index(
            "ix_ticket_messages_ticket_id", "organization_id", "ticket_id", "created_at", "id"
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    ticket_id: Mapped[UUID]
    kind: Mapped[MessageKind] = mapped_column(text_enum(MessageKind, "kind"))
    body: Mapped[str]
    author_id: Mapped[UserId | None]  # the attendant; null when the client speaks
    created_at: Mapped[CreatedAt]
