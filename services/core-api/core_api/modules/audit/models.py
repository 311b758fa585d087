"""The table of audit events: append-only for the application."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, utc_now
from core_api.tables import Base
from shared_schemas.ids import UserId


class AuditEvent(Base):
    """One change, written in its transaction.

    Holds ids and names of fields, no personal data: erasing a person leaves the log whole.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_audit_events_occurred_at", "organization_id", "occurred_at", "id"),
        sa.Index(
            "ix_audit_events_subject_id", "organization_id", "subject_id", "occurred_at", "id"
        ),
        sa.Index("ix_audit_events_actor_id", "organization_id", "actor_id", "occurred_at", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now)
    actor_id: Mapped[UserId | None]  # null when no person was behind it
    action: Mapped[str]  # noun.past_verb, as events are named
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    changed: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    related: Mapped[dict[str, str]] = mapped_column(JSONB())  # name → id
    request_id: Mapped[str]
