"""Tables of incidents, of whose data they affected, and of the notices that were given.

Kept for at least five years from the registration (Res. CD/ANPD 15/2024, art. 10): the application
may not delete incidents or notices, and nobody's erasure does.
"""

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


class Severity(StrEnum):
    """How grave it is for those affected."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class IncidentStatus(StrEnum):
    """Whether something is left to do."""

    OPEN = "open"
    CLOSED = "closed"


class Breach(StrEnum):
    """Which property of security was lost."""

    CONFIDENTIALITY = "confidentiality"
    INTEGRITY = "integrity"
    AVAILABILITY = "availability"
    AUTHENTICITY = "authenticity"


class Sensitivity(StrEnum):
    """What makes a risk relevant when one of these is involved (Res. 15/2024, art. 5)."""

    SENSITIVE = "sensitive"
    CHILDREN_OR_ELDERLY = "children_or_elderly"
    FINANCIAL = "financial"
    AUTHENTICATION = "authentication"
    SECRECY = "secrecy"
    LARGE_SCALE = "large_scale"


class Audience(StrEnum):
    """Who is told."""

    ANPD = "anpd"
    SUBJECTS = "subjects"


class NoticeKind(StrEnum):
    """Which of the notices it is."""

    INITIAL = "initial"
    COMPLETION = "completion"  # to the ANPD: what was not known before
    DECLARATION = "declaration"  # to the ANPD: that the subjects were told, and how


class IncidentChannel(StrEnum):
    """By what way."""

    ANPD_FORM = "anpd_form"
    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    MESSAGE = "message"
    IN_PERSON = "in_person"
    PUBLIC = "public"  # on pages anybody reads, where people cannot be reached one by one


def _to_incident() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", "incident_id"],
        [f"{SCHEMA}.incidents.organization_id", f"{SCHEMA}.incidents.id"],
    )


class Incident(VersionedRow, Base):
    """One incident. Its texts describe what happened, never whom it happened to."""

    __tablename__ = "incidents"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index("ix_incidents_known_at", "organization_id", "known_at", "id"),
    )

    title: Mapped[str]
    description: Mapped[str]
    severity: Mapped[Severity] = mapped_column(text_enum(Severity, "severity"))
    status: Mapped[IncidentStatus] = mapped_column(text_enum(IncidentStatus, "status"))
    breaches: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    occurred_at: Mapped[datetime | None]  # null: cannot be told
    known_at: Mapped[datetime]  # that it affected personal data: the clock's beginning
    reported_by: Mapped[UserId]
    data_categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    subject_categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    subjects_affected: Mapped[int | None]
    minors_affected: Mapped[int | None]
    elderly_affected: Mapped[int | None]
    subjects_in_activities: Mapped[int | None]  # all whose data these activities process
    computed: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    root_cause: Mapped[str | None]
    measures_before: Mapped[str | None]
    measures_after: Mapped[str | None]
    risks: Mapped[str | None]
    mitigation: Mapped[str | None]
    operator: Mapped[str | None]
    delay_reason: Mapped[str | None]

    affects_significantly: Mapped[bool | None]  # null until it was assessed
    involves: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    threatens_integrity: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    doubled: Mapped[bool]  # deadlines of a small agent
    assessed_at: Mapped[datetime | None]
    assessed_by: Mapped[UserId | None]
    no_notice_reason: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[UserId | None]
    keep_until: Mapped[datetime]

    @property
    def must_be_notified(self) -> bool:
        """Until somebody has assessed it, the clock runs as if it must."""
        if self.assessed_at is None:
            return True
        return bool(self.affects_significantly) and bool(self.involves)


class IncidentSubject(Base):
    """A client whose data was affected, and whether they were told one by one."""

    __tablename__ = "incident_subjects"
    __table_args__ = (
        _to_incident(),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        sa.Index("ix_incident_subjects_client_id", "organization_id", "client_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    told_at: Mapped[datetime | None]
    channel: Mapped[IncidentChannel | None] = mapped_column(text_enum(IncidentChannel, "channel"))
    proof: Mapped[str | None]
    told_by: Mapped[UserId | None]


class IncidentNotice(Base):
    """A notice as it was given: its exact text, when, how, and what proves it. Never changed."""

    __tablename__ = "incident_notices"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to_incident(),
        sa.Index(
            "ix_incident_notices_incident_id", "organization_id", "incident_id", "sent_at", "id"
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    incident_id: Mapped[UUID]
    audience: Mapped[Audience] = mapped_column(text_enum(Audience, "audience"))
    kind: Mapped[NoticeKind] = mapped_column(text_enum(NoticeKind, "kind"))
    channel: Mapped[IncidentChannel] = mapped_column(text_enum(IncidentChannel, "channel"))
    text: Mapped[str]
    sha256: Mapped[str]  # of `text` in UTF-8, hex
    sent_at: Mapped[datetime]
    public_until: Mapped[datetime | None]
    protocol: Mapped[str]  # the proof: protocol number, mail id, address of the page
    incomplete_because: Mapped[str | None]
    recorded_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
