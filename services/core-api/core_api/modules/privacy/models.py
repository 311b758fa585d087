"""Tables of requests of data subjects, of what happened to them, and of how they are counted.

Whatever names a person is sealed under the client's own key (`sealed_texts`): what is left after
an erasure are ids, enumerations, times and counts.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, text_enum, utc_now
from core_api.modules.privacy.kinds import (
    CLOSED,
    AnswerForm,
    DeadlineUnit,
    DeliveryState,
    IdentityLevel,
    IdentityMethod,
    MessageDirection,
    RefusalGround,
    RepresentativeKind,
    RequestChannel,
    RequestStatus,
    RequestType,
    StepKind,
)
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId

_OPEN: Final = sa.text("status NOT IN ('completed', 'refused', 'cancelled')")


def _to(table: str, column: str, name: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        name=name,  # where the convention's would be cut by PostgreSQL
    )


class PrivacyRequest(VersionedRow, Base):
    """What a data subject asks for. `type`, `received_at` and what its deadline is counted by stay
    as they were on the day it came in, however policies change later."""

    __tablename__ = "privacy_requests"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("clients", "client_id"),
        _to("preferences_links", "preferences_link_id", "fk_privacy_requests_link"),
        # Two who would destroy the same data wait for each other.
        sa.Index(
            "uq_privacy_requests_destroying",
            "organization_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text(
                "type IN ('erasure', 'anonymization')"
                " AND status NOT IN ('completed', 'refused', 'cancelled')"
            ),
        ),
        sa.Index(
            "uq_privacy_requests_link",
            "organization_id",
            "preferences_link_id",
            unique=True,
            postgresql_where=sa.text("preferences_link_id IS NOT NULL"),
        ),
        sa.Index("ix_privacy_requests_client_id", "organization_id", "client_id", "received_at"),
        sa.Index("ix_privacy_requests_received_at", "organization_id", "received_at", "id"),
        sa.Index(
            "ix_privacy_requests_open",
            "organization_id",
            "due_at",
            "id",
            postgresql_where=_OPEN,
        ),
        sa.Index(
            "ix_privacy_requests_next_warning_at",
            "next_warning_at",
            "organization_id",
            postgresql_where=sa.text("next_warning_at IS NOT NULL"),
        ),
    )

    client_id: Mapped[UUID]
    type: Mapped[RequestType] = mapped_column(text_enum(RequestType, "type"))
    status: Mapped[RequestStatus] = mapped_column(text_enum(RequestStatus, "status"))
    form: Mapped[AnswerForm | None] = mapped_column(text_enum(AnswerForm, "form"))
    purpose_code: Mapped[str | None]  # for what is about one purpose only; null: about all
    channel: Mapped[RequestChannel] = mapped_column(text_enum(RequestChannel, "channel"))
    content_sealed: Mapped[bytes | None]  # in the subject's words, and values to correct
    preferences_link_id: Mapped[UUID | None]  # opened by the subject
    opened_by: Mapped[UserId | None]  # null: by the subject, through the link

    received_at: Mapped[datetime]
    due_at: Mapped[datetime]
    deadline_days: Mapped[int]  # as promised, doubled already where it is
    deadline_unit: Mapped[DeadlineUnit] = mapped_column(text_enum(DeadlineUnit, "deadline_unit"))
    deadline_doubled: Mapped[bool]
    warning_days: Mapped[list[int]] = mapped_column(ARRAY(sa.Integer()))  # before `due_at`
    next_warning_at: Mapped[datetime | None]  # null while its clock stands, and once closed
    paused_at: Mapped[datetime | None]
    paused_from: Mapped[RequestStatus | None] = mapped_column(
        text_enum(RequestStatus, "paused_from")
    )
    paused_seconds: Mapped[int] = mapped_column(sa.BigInteger(), server_default="0")

    identity_required: Mapped[IdentityLevel] = mapped_column(
        text_enum(IdentityLevel, "identity_required")
    )
    identity_level: Mapped[IdentityLevel] = mapped_column(
        text_enum(IdentityLevel, "identity_level")
    )
    identity_method: Mapped[IdentityMethod | None] = mapped_column(
        text_enum(IdentityMethod, "identity_method")
    )
    identity_checked_at: Mapped[datetime | None]
    identity_checked_by: Mapped[UserId | None]

    representative_kind: Mapped[RepresentativeKind | None] = mapped_column(
        text_enum(RepresentativeKind, "representative_kind")
    )
    representative_sealed: Mapped[bytes | None]  # name, contact, proof
    representative_checked_at: Mapped[datetime | None]

    extension_allowed_days: Mapped[int]
    extended_days: Mapped[int | None]
    extended_at: Mapped[datetime | None]
    extended_by: Mapped[UserId | None]

    refusal_ground: Mapped[RefusalGround | None] = mapped_column(
        text_enum(RefusalGround, "refusal_ground")
    )
    executed_by: Mapped[UserId | None]
    execution_started_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UserId | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    @property
    def overdue(self) -> bool:
        """Open past its time. While its clock stands it does not become late."""
        return self.status not in CLOSED and self.due_at < (self.paused_at or utc_now())


class PrivacyRequestStep(Base):
    """One thing that happened to a request. Only added; its text goes with the subject's key."""

    __tablename__ = "privacy_request_steps"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("privacy_requests", "request_id", "fk_privacy_request_steps_request"),
        _to("clients", "client_id"),
        sa.Index(
            "ix_privacy_request_steps_request_id",
            "organization_id",
            "request_id",
            "occurred_at",
            "id",
        ),
        sa.Index(
            "ix_privacy_request_steps_client_id",
            "organization_id",
            "client_id",
            "occurred_at",
            "id",
        ),
        # A warning is told once for each due time, however many workers look.
        sa.Index(
            "uq_privacy_request_steps_warning",
            "organization_id",
            "request_id",
            "warning_days",
            "warned_for",
            unique=True,
            postgresql_where=sa.text("warned_for IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    request_id: Mapped[UUID]
    client_id: Mapped[UUID]
    kind: Mapped[StepKind] = mapped_column(text_enum(StepKind, "kind"))
    occurred_at: Mapped[datetime]
    actor_id: Mapped[UserId | None]  # null: the subject, or time
    details: Mapped[dict[str, Any]] = mapped_column(JSONB())  # enumerations, times and counts
    text_sealed: Mapped[bytes | None]
    warning_days: Mapped[int | None]
    warned_for: Mapped[datetime | None]


class PrivacyMessage(VersionedRow, Base):
    """What was said to the subject, or by them, about a request."""

    __tablename__ = "privacy_messages"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("privacy_requests", "request_id", "fk_privacy_messages_request"),
        _to("clients", "client_id"),
        sa.Index(
            "ix_privacy_messages_request_id", "organization_id", "request_id", "created_at", "id"
        ),
        sa.Index("ix_privacy_messages_client_id", "organization_id", "client_id"),
    )

    request_id: Mapped[UUID]
    client_id: Mapped[UUID]
    direction: Mapped[MessageDirection] = mapped_column(text_enum(MessageDirection, "direction"))
    channel: Mapped[RequestChannel] = mapped_column(text_enum(RequestChannel, "channel"))
    body_sealed: Mapped[bytes | None]  # null once erased
    delivery: Mapped[DeliveryState] = mapped_column(text_enum(DeliveryState, "delivery"))
    delivery_at: Mapped[datetime | None]
    recorded_by: Mapped[UserId | None]


class PrivacySettings(VersionedRow, Base):
    """What holds for all requests of one organization; without a row the defaults do."""

    __tablename__ = "privacy_settings"
    __table_args__ = (sa.UniqueConstraint("organization_id"),)

    is_small_agent: Mapped[bool]  # Res. CD/ANPD 2/2022: deadlines doubled


class PrivacyPolicy(VersionedRow, Base):
    """How one type of request is counted and checked in one organization; else the defaults."""

    __tablename__ = "privacy_policies"
    __table_args__ = (sa.UniqueConstraint("organization_id", "type"),)

    type: Mapped[RequestType] = mapped_column(text_enum(RequestType, "type"))
    days: Mapped[int]
    unit: Mapped[DeadlineUnit] = mapped_column(text_enum(DeadlineUnit, "unit"))
    extension_days: Mapped[int]
    identity_required: Mapped[IdentityLevel] = mapped_column(
        text_enum(IdentityLevel, "identity_required")
    )
    warning_days: Mapped[list[int]] = mapped_column(ARRAY(sa.Integer()))
