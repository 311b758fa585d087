"""The table of tickets, and what a ticket does when it moves."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant, text_enum, utc_now
from core_api.changes import Changes
from core_api.modules.tickets.exceptions import IllegalTicketMove, TicketMerged
from core_api.modules.tickets.keys import to_category, to_member, to_team, to_ticket
from core_api.modules.tickets.messages.models import MessageKind
from core_api.modules.tickets.moves import AT_REST, TRANSITIONS, Move, TicketStatus
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


class TicketCounter(Base):
    """The last ticket number of an organization.

    Its row lock makes numbers gapless: a ticket rolled back gives its number back, which one from
    a sequence would not.
    """

    __tablename__ = "ticket_counters"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    last_number: Mapped[int] = mapped_column(sa.BigInteger())


_REPORTED_BY: Final = ("team_id", "assignee_id", "category_id", "priority")


class Ticket(VersionedRow, Base):
    """A client's request."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {"subject", "description", "tags", "custom_fields"}
    )

    __tablename__ = "tickets"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        to_category("category_id"),
        to_ticket("merged_into_id"),
        to_ticket("follow_up_of_id"),
        to_team("team_id"),
        to_member("assignee_id"),
        to_member("created_by"),
        sa.Index("ix_tickets_created_at", "organization_id", "created_at", "id"),
        sa.Index("ix_tickets_updated_at", "organization_id", "updated_at", "id"),
        sa.Index("ix_tickets_status", "organization_id", "status", "created_at", "id"),
        sa.Index("ix_tickets_client_id", "organization_id", "client_id", "created_at", "id"),
        sa.Index("ix_tickets_assignee_id", "organization_id", "assignee_id", "created_at", "id"),
        sa.Index("ix_tickets_team_id", "organization_id", "team_id", "created_at", "id"),
        sa.Index(
            "ix_tickets_team_queue",
            "organization_id",
            "team_id",
            "assignee_id",
            "created_at",
            "id",
            postgresql_where=sa.text(
                "team_id IS NOT NULL AND status NOT IN ('resolved', 'closed')"
            ),
        ),
        sa.Index(
            "ix_tickets_sla_due_at",
            "organization_id",
            "sla_due_at",
            "id",
            postgresql_where=sa.text("sla_due_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_tickets_unfinished",
            "organization_id",
            "assignee_id",
            "created_at",
            "id",
            postgresql_where=sa.text("status NOT IN ('resolved', 'closed')"),
        ),
        sa.Index("ix_tickets_category_id", "organization_id", "category_id", "created_at", "id"),
        sa.Index("ix_tickets_priority", "organization_id", "priority", "created_at", "id"),
        # Everything the reports read, so that they read no row.
        sa.Index(
            "ix_tickets_opened",
            "organization_id",
            "created_at",
            postgresql_include=[
                "id",
                "first_replied_at",
                "first_response_business_seconds",
                "merged_into_id",
                *_REPORTED_BY,
            ],
        ),
        sa.Index(
            "ix_tickets_resolved",
            "organization_id",
            "resolved_at",
            postgresql_include=["created_at", "resolution_business_seconds", *_REPORTED_BY],
            postgresql_where=sa.text("resolved_at IS NOT NULL AND merged_into_id IS NULL"),
        ),
        sa.Index(
            "ix_tickets_merged_into_id",
            "organization_id",
            "merged_into_id",
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_tickets_follow_up_of_id",
            "organization_id",
            "follow_up_of_id",
            postgresql_where=sa.text("follow_up_of_id IS NOT NULL"),
        ),
    )

    number: Mapped[int] = mapped_column(sa.BigInteger())
    client_id: Mapped[UUID]
    subject: Mapped[str]
    description: Mapped[str]
    priority: Mapped[TicketPriority] = mapped_column(text_enum(TicketPriority, "priority"))
    channel: Mapped[TicketChannel] = mapped_column(text_enum(TicketChannel, "channel"))
    status: Mapped[TicketStatus] = mapped_column(text_enum(TicketStatus, "status"))
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    category_id: Mapped[UUID | None]
    custom_fields: Mapped[dict[str, Any]] = mapped_column(
        JSONB(), default=dict, server_default=sa.text("'{}'")
    )
    team_id: Mapped[UUID | None]
    assignee_id: Mapped[UserId | None]
    created_by: Mapped[UserId]
    last_message_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    reopened_at: Mapped[datetime | None]
    reopen_count: Mapped[int] = mapped_column(default=0, server_default="0")
    first_replied_at: Mapped[datetime | None]  # stays when the ticket is reopened
    merged_into_id: Mapped[UUID | None]
    follow_up_of_id: Mapped[UUID | None]
    # What the ledger of service levels says, for sorting and filtering: a projection, not an edit.
    sla_due_at: Mapped[datetime | None]
    sla_warning_at: Mapped[datetime | None]
    # And what it measured, for reports; none while it was not measured or is waited for again.
    first_response_business_seconds: Mapped[int | None]
    resolution_business_seconds: Mapped[int | None]

    def move(self, move: Move) -> Changes:
        """Makes a move; what changed. IllegalTicketMove, or TicketMerged: nothing is legal then."""
        self.require_unmerged()
        status = TRANSITIONS[self.status].get(move)
        if status is None:
            raise IllegalTicketMove(self.status, move)
        if status is self.status:
            return Changes()
        return self.change({"status": status, **self._dates_in(status)})

    def said(self, kind: MessageKind, at: datetime) -> Changes:
        """Takes note of a message. A draft is not said; only a reply can be the first one."""
        if kind is MessageKind.DRAFT:
            return Changes()
        first = kind is MessageKind.REPLY and self.first_replied_at is None
        return self.change({"last_message_at": at} | ({"first_replied_at": at} if first else {}))

    def require_unmerged(self) -> None:
        """TicketMerged when another ticket goes on in its place."""
        if self.merged_into_id is not None:
            raise TicketMerged(merged_into_id=self.merged_into_id)

    @property
    def is_at_rest(self) -> bool:
        """Whether it is done: nobody works on it."""
        return self.status in AT_REST

    def is_beyond(self, window: timedelta | None, now: datetime) -> bool:
        """Whether it has been done for longer than `window`; never, when there is none."""
        done_at = self.closed_at or self.resolved_at
        if window is None or done_at is None or not self.is_at_rest:
            return False
        return now - done_at > window

    def _dates_in(self, status: TicketStatus) -> dict[str, Any]:
        now = utc_now()
        match status:
            case TicketStatus.RESOLVED:
                return {"resolved_at": now}
            case TicketStatus.CLOSED:
                return {"closed_at": now}
        dates: dict[str, Any] = {"resolved_at": None, "closed_at": None}
        if self.status in AT_REST:
            dates |= {"reopened_at": now, "reopen_count": (self.reopen_count or 0) + 1}
        return dates
