"""Tables of the controller's profile and of who was encarregado when."""

from datetime import date
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum
from core_api.tables import Base, VersionedRow


class OfficerRole(StrEnum):
    """Whether they answer, or stand in for who does (Res. CD/ANPD 18/2024, art. 4)."""

    HOLDER = "holder"
    SUBSTITUTE = "substitute"


class OfficerKind(StrEnum):
    """A natural person, or a company with somebody responsible (art. 9)."""

    PERSON = "person"
    COMPANY = "company"


class ControllerProfile(VersionedRow, Base):
    """What the organization says about itself as controller, in notices and records."""

    __tablename__ = "controller_profiles"
    __table_args__ = (sa.UniqueConstraint("organization_id"),)

    legal_name: Mapped[str]
    tax_id: Mapped[str | None]  # CNPJ: in the public register
    address: Mapped[str | None]
    website: Mapped[str | None]
    subject_channel: Mapped[str | None]  # where subjects turn to; all a small agent needs
    security_measures: Mapped[str | None]
    page_is_public: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class PrivacyOfficer(VersionedRow, Base):
    """One appointment. It ends and stays: who answered on a day can always be said."""

    __tablename__ = "privacy_officers"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_on"),
        # At most one that has no end, of each role.
        sa.Index(
            "uq_privacy_officers_standing",
            "organization_id",
            "role",
            unique=True,
            postgresql_where=sa.text("ends_on IS NULL"),
        ),
        sa.Index("ix_privacy_officers_starts_on", "organization_id", "starts_on", "id"),
    )

    role: Mapped[OfficerRole] = mapped_column(text_enum(OfficerRole, "role"))
    kind: Mapped[OfficerKind] = mapped_column(text_enum(OfficerKind, "kind"))
    name: Mapped[str]
    responsible_name: Mapped[str | None]  # of a company: the person within it
    email: Mapped[str]
    phone: Mapped[str | None]
    act_reference: Mapped[str]  # the written, dated and signed act (art. 3)
    appointed_on: Mapped[date]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]  # the last day

    def answers_on(self, day: date) -> bool:
        """Whether the appointment holds on a day."""
        return self.starts_on <= day and (self.ends_on is None or day <= self.ends_on)
