"""Tables of what is said about tickets."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, Versioned, text_enum, utc_now
from core_api.modules.tickets.keys import to_member, to_ticket
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import UserId


class MessageKind(StrEnum):
    """Who speaks, and to whom."""

    REPLY = "reply"  # attendant to client
    NOTE = "note"  # among attendants; the client never sees it
    CLIENT = "client"  # client to attendant
    DRAFT = "draft"  # a reply nobody has sent; the client never sees it


class TicketMessage(Versioned, Base):
    """Something said about a ticket. What it said before an edit is a MessageRevision."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"body"})

    __tablename__ = "ticket_messages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        to_ticket("ticket_id"),
        to_ticket("origin_ticket_id"),
        to_member("author_id"),
        to_member("drafted_by"),
        sa.Index(
            "ix_ticket_messages_ticket_id", "organization_id", "ticket_id", "created_at", "id"
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    ticket_id: Mapped[UUID]
    origin_ticket_id: Mapped[UUID | None]  # where it was said, before a split took it here
    kind: Mapped[MessageKind] = mapped_column(text_enum(MessageKind, "kind"))
    body: Mapped[str]
    author_id: Mapped[UserId | None]  # the attendant; null when the client speaks
    drafted_by: Mapped[UserId | None]  # who, or whose assistant, wrote the draft that was sent
    mentions: Mapped[list[UUID]] = mapped_column(
        ARRAY(sa.Uuid()), default=list, server_default=sa.text("'{}'")
    )
    created_at: Mapped[CreatedAt]
    edited_at: Mapped[datetime | None]
    discarded_at: Mapped[datetime | None]  # a draft that will not be sent


class MessageRevision(Base):
    """What a message said before it was edited. Never changed."""

    __tablename__ = "message_revisions"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "message_id", "revision"),
        sa.ForeignKeyConstraint(
            ["organization_id", "message_id"],
            [f"{SCHEMA}.ticket_messages.organization_id", f"{SCHEMA}.ticket_messages.id"],
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    message_id: Mapped[UUID]
    revision: Mapped[int]  # the message's version that said so
    body: Mapped[str]
    replaced_by: Mapped[UserId]
    replaced_at: Mapped[datetime] = mapped_column(default=utc_now, server_default=sa.func.now())
