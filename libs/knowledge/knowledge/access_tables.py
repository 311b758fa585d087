"""What of core-api decides who may read: team members, consents, merges, as its events told."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Instant
from knowledge.models import Base
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
    """A consent that was granted. It stands until it is revoked; a renewal is another one."""

    __tablename__ = "client_consents"
    __table_args__ = (sa.Index(None, "organization_id", "client_id", "purpose_code"),)

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    purpose_id: Mapped[UUID]
    purpose_code: Mapped[
        str | None
    ]  # null: an event from before events said it; counts for nothing
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


class ClientMerge(Base):
    """A client that went into another one, which answers for both unless it was undone."""

    __tablename__ = "client_merges"
    __table_args__ = (sa.Index(None, "organization_id", "survivor_id"),)

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    merge_id: Mapped[UUID] = mapped_column(primary_key=True)
    merged_id: Mapped[UUID]
    survivor_id: Mapped[UUID]
    undone_at: Mapped[datetime | None] = mapped_column(Instant)
