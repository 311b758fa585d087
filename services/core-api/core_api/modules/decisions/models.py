"""Tables of automated decisions, never changed, and of the reviews that were asked for."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


class DecisionKind(StrEnum):
    """What was decided."""

    TICKET_TRIAGE = "ticket_triage"


class ReviewStatus(StrEnum):
    """Whether a person has answered."""

    OPEN = "open"
    ANSWERED = "answered"


class ReviewOutcome(StrEnum):
    """What the person found."""

    UPHELD = "upheld"
    CHANGED = "changed"
    ANNULLED = "annulled"


class ReviewChannel(StrEnum):
    """How the subject asked."""

    WEB = "web"
    EMAIL = "email"
    PHONE = "phone"
    WHATSAPP = "whatsapp"
    IN_PERSON = "in_person"
    LETTER = "letter"


class AutomatedDecision(Base):
    """What a model decided about somebody's ticket: on what, by which criteria, with what."""

    __tablename__ = "automated_decisions"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "source_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "ticket_id"],
            [f"{SCHEMA}.tickets.organization_id", f"{SCHEMA}.tickets.id"],
        ),
        sa.Index("ix_automated_decisions_decided_at", "organization_id", "decided_at", "id"),
        sa.Index("ix_automated_decisions_ticket_id", "organization_id", "ticket_id", "decided_at"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    kind: Mapped[DecisionKind] = mapped_column(text_enum(DecisionKind, "kind"))
    source_id: Mapped[UUID]  # of whoever decided: the same one is entered once
    ticket_id: Mapped[UUID]
    inputs: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))  # names of fields
    criteria: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))  # codes
    model: Mapped[str | None]
    prompt_version: Mapped[str | None]
    outcome: Mapped[dict[str, Any]] = mapped_column(JSONB())  # enumerations and ids
    confidence: Mapped[float | None]
    applied: Mapped[bool]  # it took effect before anybody looked at it
    decided_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]


class DecisionReview(VersionedRow, Base):
    """A subject, or somebody for them, wants a person to look at it."""

    __tablename__ = "decision_reviews"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "decision_id"],
            [f"{SCHEMA}.automated_decisions.organization_id", f"{SCHEMA}.automated_decisions.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        sa.Index(
            "uq_decision_reviews_open",
            "organization_id",
            "decision_id",
            unique=True,
            postgresql_where=sa.text("status = 'open'"),
        ),
        sa.Index("ix_decision_reviews_due_at", "organization_id", "due_at", "id"),
        sa.Index("ix_decision_reviews_client_id", "organization_id", "client_id"),
    )

    decision_id: Mapped[UUID]
    client_id: Mapped[UUID]
    status: Mapped[ReviewStatus] = mapped_column(text_enum(ReviewStatus, "status"))
    by_representative: Mapped[bool]
    channel: Mapped[ReviewChannel] = mapped_column(text_enum(ReviewChannel, "channel"))
    requested_at: Mapped[datetime]
    recorded_by: Mapped[UserId]
    due_at: Mapped[datetime]
    # Sealed under the client's key: they may name people.
    grounds_sealed: Mapped[bytes | None]
    answer_sealed: Mapped[bytes | None]
    outcome: Mapped[ReviewOutcome | None] = mapped_column(text_enum(ReviewOutcome, "outcome"))
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[UserId | None]
