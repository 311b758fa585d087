"""Tables of purposes, notices, consents, revocations; rows of the last three are only added."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId

NOBODY: Final = UserId(UUID(int=0))
"""Who recorded what the clients decided themselves by a link, and what time ended. Not null: the
release before reads these rows, too."""
_NONE: Final = sa.text("'{}'")
_NO_OBJECTS: Final = sa.text("'[]'::jsonb")


class LegalBasis(StrEnum):
    """The closed list of LGPD Art. 7 (and Art. 11 II for sensitive data)."""

    CONSENT = "consent"
    LEGAL_OBLIGATION = "legal_obligation"
    PUBLIC_POLICY = "public_policy"
    RESEARCH = "research"
    CONTRACT = "contract"
    EXERCISE_OF_RIGHTS = "exercise_of_rights_in_proceedings"
    PROTECTION_OF_LIFE = "protection_of_life"
    HEALTH_PROTECTION = "health_protection"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CREDIT_PROTECTION = "credit_protection"


class Decision(StrEnum):
    """What the client answered."""

    GRANTED = "granted"
    REFUSED = "refused"


class ConsentStatus(StrEnum):
    """A decision as it stands today."""

    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"


class EndKind(StrEnum):
    """What ended a consent."""

    REVOKED = "revoked"
    EXPIRED = "expired"


class RetentionFrom(StrEnum):
    """The moment a retention is counted from."""

    COLLECTION = "collection"
    LAST_CONTACT = "last_contact"
    CONSENT_END = "consent_end"
    CONTRACT_END = "contract_end"
    REQUEST_CLOSED = "request_closed"


class RetentionThen(StrEnum):
    """What becomes of the data after it (LGPD Art. 16)."""

    DELETE = "delete"
    ANONYMIZE = "anonymize"


class ConsentChannel(StrEnum):
    """Where the client decided."""

    WEB = "web"
    EMAIL = "email"
    PHONE = "phone"
    WHATSAPP = "whatsapp"
    IN_PERSON = "in_person"
    PAPER = "paper"
    API = "api"
    PREFERENCES_LINK = "preferences_link"  # by the clients themselves


class ConsentPurpose(VersionedRow, Base):
    """What data is processed for, on exactly one legal basis (LGPD Art. 6 I, Art. 7)."""

    __tablename__ = "consent_purposes"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "code"),
    )

    code: Mapped[str]
    name: Mapped[str]
    description: Mapped[str]
    legal_basis: Mapped[LegalBasis] = mapped_column(text_enum(LegalBasis, "legal_basis"))
    notice_version: Mapped[int]  # the current one
    # The last one that changed what had been agreed to: consents on older ones are to be renewed.
    material_version: Mapped[int] = mapped_column(default=1, server_default="1")
    articles: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NONE)
    data_categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NONE)
    subject_categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()), server_default=_NONE)
    retention_days: Mapped[int | None]
    retention_from: Mapped[RetentionFrom | None] = mapped_column(
        text_enum(RetentionFrom, "retention_from")
    )
    retention_then: Mapped[RetentionThen | None] = mapped_column(
        text_enum(RetentionThen, "retention_then")
    )
    recipients: Mapped[list[dict[str, Any]]] = mapped_column(JSONB(), server_default=_NO_OBJECTS)
    transfers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB(), server_default=_NO_OBJECTS)
    assistant_may_use: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    consent_valid_days: Mapped[int | None]  # null: until it is revoked
    archived_at: Mapped[datetime | None]


class ConsentNotice(Base):
    """The exact text shown to clients, in numbered versions. Never changed: consents prove it."""

    __tablename__ = "consent_notices"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "purpose_id", "version"),
        sa.ForeignKeyConstraint(
            ["organization_id", "purpose_id"],
            [f"{SCHEMA}.consent_purposes.organization_id", f"{SCHEMA}.consent_purposes.id"],
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    purpose_id: Mapped[UUID]
    version: Mapped[int]
    locale: Mapped[str]
    text: Mapped[str]
    sha256: Mapped[str]  # of `text` in UTF-8, hex
    is_material: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    published_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]

    @property
    def published_at(self) -> datetime:
        """From then on clients are shown it."""
        return self.created_at


class Consent(Base):
    """A receipt (LGPD Art. 8): what a client decided, and on which text. Never changed."""

    __tablename__ = "consents"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "client_id"],
            [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "purpose_id", "notice_version"],
            [
                f"{SCHEMA}.consent_notices.organization_id",
                f"{SCHEMA}.consent_notices.purpose_id",
                f"{SCHEMA}.consent_notices.version",
            ],
            name="fk_consents_notice",  # the convention's name would be cut by PostgreSQL
        ),
        sa.Index(
            "ix_consents_client_id",
            "organization_id",
            "client_id",
            "purpose_id",
            "decided_at",
            "id",
        ),
        sa.Index("ix_consents_notice", "organization_id", "purpose_id", "notice_version"),
        sa.Index(
            "ix_consents_evidence_id",
            "organization_id",
            "evidence_id",
            postgresql_where=sa.text("evidence_id IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    client_id: Mapped[UUID]
    purpose_id: Mapped[UUID]
    notice_version: Mapped[int]
    notice_sha256: Mapped[str]
    locale: Mapped[str]
    decision: Mapped[Decision] = mapped_column(text_enum(Decision, "decision"))
    channel: Mapped[ConsentChannel] = mapped_column(text_enum(ConsentChannel, "channel"))
    shown_at: Mapped[datetime | None]
    decided_at: Mapped[datetime]
    # An attachment of a ticket of the client's, kept as long as this receipt; and its SHA-256. No
    # foreign key: the hash proves it after a retention has taken the file.
    evidence_id: Mapped[UUID | None]
    evidence_sha256: Mapped[str | None]
    renews_id: Mapped[UUID | None]  # the consent this one goes on from
    expires_at: Mapped[datetime | None]
    # Or NOBODY. No foreign key: a receipt outlives the membership of who recorded it.
    recorded_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]


class ConsentRevocation(Base):
    """The end of a consent. At most one per consent: the first one counts."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"reason"})

    __tablename__ = "consent_revocations"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "consent_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "consent_id"],
            [f"{SCHEMA}.consents.organization_id", f"{SCHEMA}.consents.id"],
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    consent_id: Mapped[UUID]
    kind: Mapped[EndKind] = mapped_column(
        text_enum(EndKind, "kind"), default=EndKind.REVOKED, server_default="revoked"
    )
    reason: Mapped[str | None]
    revoked_at: Mapped[datetime]
    recorded_by: Mapped[UserId]  # or NOBODY
    created_at: Mapped[CreatedAt]
