"""The tables of audit events, append-only for the application, and of the keys they are sealed
under."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, TenantRow, utc_now
from core_api.tables import SCHEMA, Base
from shared_schemas.ids import UserId

CLIENT_CHANGES: Final = sa.text(
    "action IN ('client.created', 'client.updated', 'client_relation.created',"
    " 'client_relation.updated', 'client_relation.deleted')"
)
"""What changed a client's own data. Who merely looked at it, and what happened to its tickets, is
not among them, however much of it there is."""


class AuditEvent(Base):
    """One change, written in its transaction.

    What it says about a client is sealed under that client's own key: erasing a person takes the
    key away and leaves the log whole.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_audit_events_occurred_at", "organization_id", "occurred_at", "id"),
        sa.Index(
            "ix_audit_events_subject_id", "organization_id", "subject_id", "occurred_at", "id"
        ),
        sa.Index("ix_audit_events_actor_id", "organization_id", "actor_id", "occurred_at", "id"),
        sa.Index(
            "ix_audit_events_about",
            "organization_id",
            "about",
            "occurred_at",
            "id",
            postgresql_where=sa.text("about IS NOT NULL"),
        ),
        # For the timeline of a client: of far more events about it these are few.
        sa.Index(
            "ix_audit_events_client_changes",
            "organization_id",
            "about",
            "occurred_at",
            "id",
            postgresql_where=CLIENT_CHANGES,
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    occurred_at: Mapped[datetime] = mapped_column(default=utc_now)
    actor_id: Mapped[UserId | None]  # null when no person was behind it
    action: Mapped[str]  # noun.past_verb, as events are named
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    about: Mapped[UUID | None]  # the client whose data it concerns
    changed: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    # field → {"from", "to"}, or {"key", "sealed"}. Null on events from before values were kept.
    values: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reason: Mapped[str | None]
    related: Mapped[dict[str, str]] = mapped_column(JSONB())  # name → id
    request_id: Mapped[str]


class SubjectKey(TenantRow, Base):
    """The key of one client, itself sealed. Deleting it makes what was sealed under it noise."""

    __tablename__ = "subject_keys"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "client_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
    )

    client_id: Mapped[UUID]
    key_sealed: Mapped[bytes]
