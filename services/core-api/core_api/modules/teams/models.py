"""Tables of teams: members and their turns, attendants and their absences, needed skills."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Tenant, UpdatedAt, Versioned, text_enum
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


class AssignmentMode(StrEnum):
    """Who gets a ticket that waits in a team's queue."""

    MANUAL = "manual"  # nobody by itself: people take from the queue
    ROUND_ROBIN = "round_robin"  # whose turn it is
    LEAST_LOADED = "least_loaded"  # who has the fewest unfinished tickets of the team


class Availability(StrEnum):
    """What an attendant says of themselves."""

    AVAILABLE = "available"
    BUSY = "busy"  # here, but takes nothing more
    AWAY = "away"  # not here; after the team's limit the tickets go back to its queue


_ORGANIZATION: Final = f"{SCHEMA}.organizations.organization_id"


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
    )


class Team(VersionedRow, Base):
    """People who share a queue of tickets."""

    __tablename__ = "teams"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "uq_teams_name",
            "organization_id",
            "name",
            unique=True,
            postgresql_where=sa.text("archived_at IS NULL"),
        ),
        sa.CheckConstraint("absence_limit_minutes > 0", name="absence_limit"),
    )

    name: Mapped[str]
    mode: Mapped[AssignmentMode] = mapped_column(text_enum(AssignmentMode, "mode"))
    absence_limit_minutes: Mapped[int | None]  # null: tickets stay with who is absent
    archived_at: Mapped[datetime | None]


class TeamRotation(Base):
    """The turns a team has had, and whose the last ones were. Who assigns locks this row first.

    Neither on the team nor on its members: an assignment is no change of their settings, and who
    edits those must not wait, lock in hand, for who assigns.
    """

    __tablename__ = "team_rotations"
    __table_args__ = (_refers("team_id", "teams"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    turns: Mapped[int] = mapped_column(sa.BigInteger(), server_default="0")
    last_turns: Mapped[dict[str, int]] = mapped_column(JSONB(), server_default=sa.text("'{}'"))
    """Member's id → number of the turn that was theirs last."""


class TeamMember(Versioned, Base):
    """Who is in a team, and how many unfinished tickets of it they take."""

    __tablename__ = "team_members"
    __table_args__ = (
        _refers("team_id", "teams"),
        _refers("member_id", "members"),
        sa.CheckConstraint("capacity >= 0", name="capacity"),
        sa.Index("ix_team_members_member_id", "organization_id", "member_id", "team_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    team_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UserId] = mapped_column(sa.Uuid(), primary_key=True)
    capacity: Mapped[int]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Attendant(Versioned, Base):
    """What holds for a member in every team. Without a row: available, without skills."""

    __tablename__ = "attendants"
    __table_args__ = (_refers("member_id", "members"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    member_id: Mapped[UserId] = mapped_column(sa.Uuid(), primary_key=True)
    availability: Mapped[Availability] = mapped_column(text_enum(Availability, "availability"))
    availability_since: Mapped[datetime]
    skills: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Absence(VersionedRow, Base):
    """A time in which a member is not there. Without a cause: that could be data on health."""

    __tablename__ = "absences"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("member_id", "members"),
        _refers("created_by", "members"),
        sa.CheckConstraint("ends_at > starts_at", name="period"),
        sa.Index("ix_absences_starts_at", "organization_id", "starts_at", "id"),
        sa.Index("ix_absences_member_id", "organization_id", "member_id", "starts_at", "id"),
        sa.Index("ix_absences_ends_at", "organization_id", "ends_at"),
    )

    member_id: Mapped[UserId]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    created_by: Mapped[UserId]


class SkillRule(VersionedRow, Base):
    """What somebody must know who gets a ticket of a category, or one with a tag."""

    __tablename__ = "skill_rules"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("category_id", "ticket_categories"),
        sa.UniqueConstraint("organization_id", "category_id"),
        sa.UniqueConstraint("organization_id", "tag"),
        sa.CheckConstraint("num_nonnulls(category_id, tag) = 1", name="one_reason"),
    )

    category_id: Mapped[UUID | None]
    tag: Mapped[str | None]
    skills: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))


class AssignmentSweep(Base):
    """Which organizations have teams: all that the sweep, which knows no tenant, can see."""

    __tablename__ = "assignment_sweeps"
    __table_args__ = (sa.ForeignKeyConstraint(["organization_id"], [_ORGANIZATION]),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
