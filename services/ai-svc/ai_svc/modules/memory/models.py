"""Facts people told the assistant to keep, whose data they hold, and who corrected them.

A fact belongs to who told it: nobody else's assistant is told of it. What was said in conversations
is chat's, and is not copied here.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, Tenant, TenantRow, Versioned, text_enum
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import UserId


class FactSource(StrEnum):
    """How a fact came to be known. Never from a document or a ticket: those are data."""

    SAID = "said"  # the person asked for it to be remembered
    CONFIRMED = "confirmed"  # the person confirmed a proposal
    MODEL = "model"  # a model took it from the person's own words


class Fact(Versioned, TenantRow, Base):
    """One sentence worth keeping."""

    __tablename__ = "memory_facts"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "user_id", "digest"),
        sa.Index(None, "organization_id", "user_id", "id"),
        sa.Index("ix_memory_facts_expires_at", "expires_at"),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    )

    user_id: Mapped[UserId]  # who told it
    text: Mapped[str]
    digest: Mapped[str]  # of the words and whose data they hold: told twice, kept once
    source: Mapped[FactSource] = mapped_column(text_enum(FactSource, "source"))
    confidence: Mapped[float]
    conversation_id: Mapped[UUID | None]  # where it was told; that may be deleted by now
    message_id: Mapped[UUID | None]
    expires_at: Mapped[datetime] = mapped_column(Instant)


class FactClient(Base):
    """A client whose data the fact may hold, and the purpose it is kept for."""

    __tablename__ = "memory_fact_clients"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "fact_id"],
            [f"{SCHEMA}.memory_facts.organization_id", f"{SCHEMA}.memory_facts.id"],
            ondelete="CASCADE",
        ),
        sa.Index("ix_memory_fact_clients_client_id", "organization_id", "client_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    fact_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose_code: Mapped[str]


class FactCorrection(Base):
    """What a fact said before somebody corrected it. Goes with the fact."""

    __tablename__ = "memory_corrections"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["organization_id", "fact_id"],
            [f"{SCHEMA}.memory_facts.organization_id", f"{SCHEMA}.memory_facts.id"],
            ondelete="CASCADE",
        ),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    fact_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)  # that said it
    text: Mapped[str]
    corrected_by: Mapped[UserId]
    corrected_at: Mapped[datetime] = mapped_column(Instant)


class ClientCorrection(Base):
    """When what a client is known by was last corrected. What was said before is a record, and not
    used any more with what it says of them."""

    __tablename__ = "client_corrections"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    corrected_at: Mapped[datetime] = mapped_column(Instant)
    # The last time it was something that no text can be searched for.
    unfindable_at: Mapped[datetime | None] = mapped_column(Instant)
