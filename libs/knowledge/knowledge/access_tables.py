"""What of core-api decides who may read and what may leave, as its events told: team members,
merges, purposes, consents, blocks, transfers."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant, text_enum
from knowledge.models import Base, LegalBasis
from shared_schemas.ids import OrganizationId


class TeamMember(Base):
    """Somebody in a team, or no longer: what was left stays, so a late event changes nothing."""

    __tablename__ = "team_members"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    is_member: Mapped[bool]
    changed_at: Mapped[datetime] = mapped_column(Instant)


class ClientConsent(Base):
    """What a client decided about a purpose: the latest decision of a person counts. A consent
    stands until it is revoked or its time is over; a renewal is another one."""

    __tablename__ = "client_consents"
    __table_args__ = (sa.Index(None, "organization_id", "client_id", "purpose_code"),)

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    purpose_id: Mapped[UUID]
    purpose_code: Mapped[
        str | None
    ]  # null: an event from before events said it; counts for nothing
    refused: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # Null, both: told by a release before this one. It is no basis until core-api was asked.
    notice_version: Mapped[int | None]
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class ClientMerge(Base):
    """A client that went into another one, which answers for both unless it was undone."""

    __tablename__ = "client_merges"
    __table_args__ = (
        sa.Index(None, "organization_id", "survivor_id"),
        sa.Index(None, "organization_id", "merged_id"),
    )

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(primary_key=True)
    merged_id: Mapped[UUID]
    survivor_id: Mapped[UUID]
    undone_at: Mapped[datetime | None] = mapped_column(Instant)


class Purpose(Base):
    """What the registry says of a purpose; the highest version that was told."""

    __tablename__ = "purposes"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    purpose_id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose_code: Mapped[str]
    legal_basis: Mapped[LegalBasis] = mapped_column(text_enum(LegalBasis, "legal_basis"))
    assistant_may_use: Mapped[bool]
    archived: Mapped[bool]
    material_version: Mapped[int]  # consents on an earlier notice are to be renewed
    version: Mapped[int]


class ProcessingBlock(Base):
    """A client's data is not used until the block is lifted, for a purpose or (null) for any."""

    __tablename__ = "processing_blocks"
    __table_args__ = (
        sa.Index(
            "ix_processing_blocks_standing",
            "organization_id",
            "client_id",
            postgresql_where=sa.text("lifted_at IS NULL"),
        ),
    )

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    block_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    purpose_code: Mapped[str | None]
    lifted_at: Mapped[datetime | None] = mapped_column(Instant)


class Transfer(Base):
    """An entry of the register of transfers: what may go to which provider in which country."""

    __tablename__ = "transfers"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    transfer_id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[str]
    country: Mapped[str]
    mechanism: Mapped[str]
    purpose_codes: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    allowed: Mapped[bool]
    valid_until: Mapped[date | None]  # the last day, in Brasília
    version: Mapped[int]
