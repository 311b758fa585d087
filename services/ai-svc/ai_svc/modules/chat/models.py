"""Conversations, what was said in them, and whose data and which documents each message holds.

A message is erased by its rows in `message_clients`: everybody whose data its run held, or any
message before it. One that stands on a document loses its words with it, by a trigger.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, Tenant, TenantRow, Versioned, text_enum
from knowledge.models import Base
from shared_schemas.ids import UserId

LEASE: Final = timedelta(seconds=20)
"""How long a run is believed to go on after its process was last heard of."""


class Sharing(StrEnum):
    """Who may read a conversation. Only its owner writes."""

    PRIVATE = "private"
    ORGANIZATION = "organization"


class Speaker(StrEnum):
    """Who says it."""

    USER = "user"
    ASSISTANT = "assistant"


class MessageStatus(StrEnum):
    """How far a message is. A person's is done when it is there."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class MessageRating(StrEnum):
    """Whether a message helped."""

    UP = "up"
    DOWN = "down"


class FeedbackReason(StrEnum):
    """Why a message is judged as it is."""

    CORRECT = "correct"
    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    OUTDATED = "outdated"
    OFF_TOPIC = "off_topic"
    BADLY_WRITTEN = "badly_written"
    INAPPROPRIATE = "inappropriate"
    OTHER = "other"


class Conversation(TenantRow, Versioned, Base):
    """`version` counts what its owner changes; messages do not change it."""

    __tablename__ = "conversations"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(None, "organization_id", "owner_id", "active_at", "id"),
        sa.Index(
            "ix_conversations_shared",
            "organization_id",
            "active_at",
            "id",
            postgresql_where=sa.text("visibility = 'organization'"),
        ),
        sa.Index(
            "ix_conversations_client",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("client_id IS NOT NULL"),
        ),
        sa.Index("ix_conversations_active_at", "active_at"),
    )

    owner_id: Mapped[UserId]
    title: Mapped[str | None]  # null: until the first message gives it one
    visibility: Mapped[Sharing] = mapped_column(text_enum(Sharing, "visibility"))
    client_id: Mapped[UUID | None]  # whom it is about as a whole
    ticket_id: Mapped[UUID | None]
    message_count: Mapped[int] = mapped_column(server_default="0")
    active_at: Mapped[datetime] = mapped_column(Instant)


class ConversationMessage(TenantRow, Base):
    """Something said. An answer answers `in_reply_to`; others to the same question stand beside it.

    While an answer is written its process holds it under a lease: whoever ends it, changes it from
    `running` to something else, once.
    """

    __tablename__ = "conversation_messages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "conversation_id", "position"),
        sa.ForeignKeyConstraint(
            ["organization_id", "conversation_id"],
            ["ai.conversations.organization_id", "ai.conversations.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "in_reply_to"],
            ["ai.conversation_messages.organization_id", "ai.conversation_messages.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_conversation_messages_in_reply_to", "organization_id", "in_reply_to"),
        sa.Index(
            "uq_conversation_messages_running",
            "organization_id",
            "conversation_id",
            unique=True,
            postgresql_where=sa.text("status = 'running'"),
        ),
        sa.Index(
            "uq_conversation_messages_request_key",
            "organization_id",
            "author_id",
            "request_key",
            unique=True,
            postgresql_where=sa.text("request_key IS NOT NULL"),
        ),
        sa.Index(
            "ix_conversation_messages_lease",
            "run_expires_at",
            postgresql_where=sa.text("status = 'running'"),
        ),
        sa.Index("ix_conversation_messages_terms", "terms", postgresql_using="gin"),
    )

    conversation_id: Mapped[UUID]
    position: Mapped[int]  # 1, 2, 3 … within the conversation
    role: Mapped[Speaker] = mapped_column(text_enum(Speaker, "role"))
    status: Mapped[MessageStatus] = mapped_column(text_enum(MessageStatus, "status"))
    author_id: Mapped[UserId]  # who said it, or asked for it
    content: Mapped[str | None]  # null: not written, or gone with a document it stood on
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    in_reply_to: Mapped[UUID | None]
    ticket_id: Mapped[UUID | None]
    agent: Mapped[str | None]
    model: Mapped[str | None]
    prompt_version: Mapped[str | None]
    input_tokens: Mapped[int] = mapped_column(server_default="0")
    output_tokens: Mapped[int] = mapped_column(server_default="0")
    cost_micros: Mapped[int] = mapped_column(sa.BigInteger, server_default="0")
    currency: Mapped[str | None]
    run_id: Mapped[UUID | None]
    run_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    stop_requested_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    event_count: Mapped[int] = mapped_column(server_default="0")  # the id of its last event
    request_key: Mapped[str | None]
    request_fingerprint: Mapped[str | None]
    # What it is found by: stems, each after a digest of the organization.
    terms: Mapped[str | None] = mapped_column(TSVECTOR)

    @property
    def running_under(self) -> UUID:
        """The run of an answer, which every answer has."""
        if self.run_id is None:
            raise RuntimeError("an answer without a run")
        return self.run_id


class MessageClient(Base):
    """Whose data a message holds."""

    __tablename__ = "message_clients"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "message_id"],
            ["ai.conversation_messages.organization_id", "ai.conversation_messages.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "client_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)


class MessageDocument(Base):
    """Which documents' texts the run of an answer held."""

    __tablename__ = "message_documents"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "message_id"],
            ["ai.conversation_messages.organization_id", "ai.conversation_messages.id"],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "document_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID] = mapped_column(primary_key=True)


class MessageFeedback(TenantRow, Base):
    """What one person says of one answer."""

    __tablename__ = "message_feedback"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "message_id", "user_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "message_id"],
            ["ai.conversation_messages.organization_id", "ai.conversation_messages.id"],
            ondelete="CASCADE",
        ),
    )

    message_id: Mapped[UUID]
    user_id: Mapped[UserId]
    rating: Mapped[MessageRating] = mapped_column(text_enum(MessageRating, "rating"))
    reason: Mapped[FeedbackReason | None] = mapped_column(text_enum(FeedbackReason, "reason"))
    comment: Mapped[str | None]
    correction: Mapped[str | None]
