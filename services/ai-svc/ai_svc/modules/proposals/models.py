"""Proposals, and whose data their words may hold.

`arguments` are what was shown and nothing else is ever executed: a trigger lets nobody change them,
only forget them, and their digest is compared before they are used.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, Tenant, TenantRow, text_enum
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import UserId


class ProposalStatus(StrEnum):
    """How far a proposal is. One that nobody decided in time stays `pending` and is shown as
    expired."""

    PENDING = "pending"
    EXECUTING = "executing"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    DECLINED = "declined"


class Proposal(TenantRow, Base):
    """One change, exactly as it will be made, for one person to confirm."""

    __tablename__ = "proposals"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        # A model that repeats itself proposes once.
        sa.UniqueConstraint("organization_id", "run_id", "arguments_sha256"),
        sa.Index(None, "organization_id", "user_id", "created_at", "id"),
        sa.Index(
            "ix_proposals_conversation_id",
            "organization_id",
            "conversation_id",
            postgresql_where=sa.text("conversation_id IS NOT NULL"),
        ),
        sa.Index("ix_proposals_created_at", "created_at"),
    )

    user_id: Mapped[UserId]  # whom it was shown to, and who alone may confirm it
    run_id: Mapped[UUID]
    conversation_id: Mapped[UUID | None]
    message_id: Mapped[UUID | None]
    skill: Mapped[str]
    summary: Mapped[str | None]  # null: forgotten
    caution: Mapped[str | None]
    arguments: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    arguments_sha256: Mapped[str]
    basis: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What a change of something stands on: ids and enumerations as they were when it was shown."""
    status: Mapped[ProposalStatus] = mapped_column(
        text_enum(ProposalStatus, "status"), default=ProposalStatus.PENDING
    )
    expires_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(server_default="0")  # fences: who is late writes nothing
    leased_until: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    pinned_version: Mapped[int | None]  # of the ticket, when the change was first sent
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # ids
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]


class ProposalClient(Base):
    """A client whose data the run held when it proposed: the words may be about them."""

    __tablename__ = "proposal_clients"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "proposal_id"],
            [f"{SCHEMA}.proposals.organization_id", f"{SCHEMA}.proposals.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_proposal_clients_client_id", "organization_id", "client_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    proposal_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
