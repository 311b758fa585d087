"""The tables of audit events, append-only for the application, of the chain they are links of, and
of the keys they are sealed under."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, TenantRow, text_enum, utc_now
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
    reason: Mapped[str | None]  # null also where it is sealed
    # {"key", "sealed"}: a person's words about somebody may name them.
    reason_sealed: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    related: Mapped[dict[str, str]] = mapped_column(JSONB())  # name → id
    request_id: Mapped[str]
    # Written with the row (see `authenticity`). Null on events from before there were any.
    attested: Mapped[bytes | None]


class Standing(StrEnum):
    """What a link found when it took an event in."""

    ATTESTED = "attested"
    UNATTESTED = "unattested"  # of the release before this chain
    REFUSED = "refused"  # it was not ours any more, or never: tampered with before it had a link


class AuditLink(Base):
    """One event's place in the chain. No foreign key: a proof must not go with what it proves."""

    __tablename__ = "audit_links"
    __table_args__ = (sa.UniqueConstraint("organization_id", "event_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger(), primary_key=True, autoincrement=False)
    event_id: Mapped[UUID]
    standing: Mapped[Standing] = mapped_column(text_enum(Standing, "standing"))
    sealed_at: Mapped[datetime]
    content_hash: Mapped[bytes]  # SHA-256 of everything the event says
    hash: Mapped[bytes]  # of the link before it and this one


class AuditHead(Base):
    """Where an organization's chain ends. Locked by who takes events in; never by who writes
    them."""

    __tablename__ = "audit_heads"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(sa.BigInteger())
    hash: Mapped[bytes]
    attested: Mapped[bytes]  # the head itself: an end cut off by hand is not
    sealed_until: Mapped[datetime]  # nothing is looked for much earlier


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
