"""The table of international transfers: which provider, which country, and what allows it."""

from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.tables import Base, VersionedRow
from shared_schemas.ids import UserId


class Mechanism(StrEnum):
    """What allows a transfer (LGPD Art. 33; item II as Res. CD/ANPD 19/2024 has it)."""

    ADEQUACY = "adequacy"
    STANDARD_CLAUSES = "standard_clauses"
    SPECIFIC_CLAUSES = "specific_clauses"
    CORPORATE_RULES = "corporate_rules"
    CERTIFICATION = "certification"
    LEGAL_COOPERATION = "legal_cooperation"
    PROTECTION_OF_LIFE = "protection_of_life"
    ANPD_AUTHORISATION = "anpd_authorisation"
    INTERNATIONAL_COMMITMENT = "international_commitment"
    PUBLIC_POLICY = "public_policy"
    CONSENT = "consent"
    LEGAL_DUTY = "legal_duty"
    CONTRACT = "contract"
    EXERCISE_OF_RIGHTS = "exercise_of_rights"


class TransferStatus(StrEnum):
    """Whether data may go."""

    DRAFT = "draft"
    AUTHORISED = "authorised"
    SUSPENDED = "suspended"
    ENDED = "ended"


class ExporterRole(StrEnum):
    """As what the organization sends."""

    CONTROLLER = "controller"
    OPERATOR = "operator"


class InternationalTransfer(VersionedRow, Base):
    """What may go to one provider in one country. Data goes while it is authorised and valid."""

    __tablename__ = "international_transfers"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="valid_until"),
        sa.Index(
            "uq_international_transfers_standing",
            "organization_id",
            "provider",
            "country",
            unique=True,
            postgresql_where=sa.text("status <> 'ended'"),
        ),
        sa.Index("ix_international_transfers_provider", "organization_id", "provider", "id"),
    )

    provider: Mapped[str]  # a code for programs, such as openai
    importer_name: Mapped[str]
    importer_contact: Mapped[str | None]
    country: Mapped[str]  # ISO 3166-1, two letters
    mechanism: Mapped[Mechanism] = mapped_column(text_enum(Mechanism, "mechanism"))
    mechanism_reference: Mapped[str | None]  # contract, clause, decision that proves it
    exporter_role: Mapped[ExporterRole] = mapped_column(text_enum(ExporterRole, "exporter_role"))
    purpose_codes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    data_categories: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    how: Mapped[str]  # form of the transfer (Res. 19/2024, art. 17 § 2 I)
    duration: Mapped[str]
    security_measures: Mapped[str | None]
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]  # the last day
    status: Mapped[TransferStatus] = mapped_column(text_enum(TransferStatus, "status"))
    status_reason: Mapped[str | None]
    status_by: Mapped[UserId | None]
    status_at: Mapped[datetime | None]

    def allowed_on(self, day: date) -> bool:
        """Whether data may go on a day."""
        return (
            self.status is TransferStatus.AUTHORISED
            and self.valid_from <= day
            and (self.valid_until is None or day <= self.valid_until)
        )
