"""Tables of service levels: calendars and policies with their revisions, ledger and timers."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, TenantRow, text_enum
from core_api.modules.sla.clock import EntryKind, Measure, Metric, TimerState
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId


def _refers(columns: list[str], table: str, others: list[str], name: str) -> Any:
    return sa.ForeignKeyConstraint(
        ["organization_id", *columns],
        [f"{SCHEMA}.{table}.{column}" for column in ("organization_id", *others)],
        name=name,
    )


def _ticket(table: str) -> Any:
    return _refers(["ticket_id"], "tickets", ["id"], f"fk_{table}_ticket")


def _minutes(seconds: int | None) -> int | None:
    return None if seconds is None else seconds // 60


class SlaCalendar(VersionedRow, Base):
    """When an organization, or a part of it, works. What was in force before is a revision."""

    __tablename__ = "sla_calendars"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "uq_sla_calendars_name",
            "organization_id",
            "name",
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
    )

    name: Mapped[str]
    revision: Mapped[int]
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB())
    revised_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class SlaCalendarRevision(Base):
    """A calendar as it was defined once. Never changed: ledgers are computed with it."""

    __tablename__ = "sla_calendar_revisions"
    __table_args__ = (
        _refers(["calendar_id"], "sla_calendars", ["id"], "fk_sla_calendar_revisions_calendar"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    calendar_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB())
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]

    @property
    def id(self) -> UUID:
        """Whose revision it is: what cursors of the list carry."""
        return self.calendar_id

    @property
    def content(self) -> dict[str, Any]:
        """As people defined it, with the holidays known at the time."""
        return self.definition


class SlaPolicy(VersionedRow, Base):
    """Which tickets are to be answered and resolved within which time."""

    __tablename__ = "sla_policies"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers(["calendar_id"], "sla_calendars", ["id"], "fk_sla_policies_calendar"),
        sa.Index(
            "uq_sla_policies_name",
            "organization_id",
            "name",
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index(
            "uq_sla_policies_default",
            "organization_id",
            unique=True,
            postgresql_where=sa.text("is_default AND deleted_at IS NULL"),
        ),
        sa.Index("ix_sla_policies_calendar_id", "organization_id", "calendar_id"),
    )

    name: Mapped[str]
    position: Mapped[int]  # the first that matches is the one; the default comes after all
    is_default: Mapped[bool]
    calendar_id: Mapped[UUID]
    measure: Mapped[Measure] = mapped_column(text_enum(Measure, "measure"))
    # No entries: any will do. All three have to match.
    priorities: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    category_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))  # and all below them
    client_tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    first_response_seconds: Mapped[int | None]
    next_response_seconds: Mapped[int | None]
    resolution_seconds: Mapped[int | None]
    pauses_in: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    revision: Mapped[int]
    revised_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]

    @property
    def first_response_minutes(self) -> int | None:
        """As people set it."""
        return _minutes(self.first_response_seconds)

    @property
    def next_response_minutes(self) -> int | None:
        """As people set it."""
        return _minutes(self.next_response_seconds)

    @property
    def resolution_minutes(self) -> int | None:
        """As people set it."""
        return _minutes(self.resolution_seconds)


class SlaPolicyRevision(Base):
    """A policy as it was once. Never changed: ledgers refer to it."""

    __tablename__ = "sla_policy_revisions"
    __table_args__ = (
        _refers(["policy_id"], "sla_policies", ["id"], "fk_sla_policy_revisions_policy"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    policy_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB())
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]

    @property
    def id(self) -> UUID:
        """Whose revision it is: what cursors of the list carry."""
        return self.policy_id


class SlaEntry(Base):
    """A row of the ledger. Only added: everything else about time is computed from these."""

    __tablename__ = "sla_entries"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _ticket("sla_entries"),
        _refers(
            ["policy_id", "policy_revision"],
            "sla_policy_revisions",
            ["policy_id", "revision"],
            "fk_sla_entries_policy",
        ),
        _refers(
            ["calendar_id", "calendar_revision"],
            "sla_calendar_revisions",
            ["calendar_id", "revision"],
            "fk_sla_entries_calendar",
        ),
        sa.Index(
            "uq_sla_entries_position",
            "organization_id",
            "ticket_id",
            "metric",
            "run",
            "position",
            unique=True,
        ),
        # A level is told once per timer, whatever sweeps at the same time.
        sa.Index(
            "uq_sla_entries_level",
            "organization_id",
            "ticket_id",
            "metric",
            "run",
            "level",
            unique=True,
            postgresql_where=sa.text("level IS NOT NULL"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    ticket_id: Mapped[UUID]
    metric: Mapped[Metric] = mapped_column(text_enum(Metric, "metric"))
    run: Mapped[int]
    position: Mapped[int]
    kind: Mapped[EntryKind] = mapped_column(text_enum(EntryKind, "kind"))
    at: Mapped[datetime]  # when it took effect
    level: Mapped[int | None] = mapped_column(sa.SmallInteger())
    policy_id: Mapped[UUID | None]
    policy_revision: Mapped[int | None]
    calendar_id: Mapped[UUID | None]
    calendar_revision: Mapped[int | None]
    measure: Mapped[Measure | None] = mapped_column(text_enum(Measure, "measure"))
    target_seconds: Mapped[int | None]
    cause: Mapped[str]  # what happened to the ticket, or "sla.sweep", "sla.recomputed"
    actor_id: Mapped[UserId | None]
    created_at: Mapped[CreatedAt]  # when it was written


_REPORTED_BY: Final = ("team_id", "assignee_id", "category_id", "priority")
COUNTED: Final = "target_seconds IS NOT NULL AND (state <> 'cancelled' OR breached_at IS NOT NULL)"
"""Timers that reports count: held to something, and not given up in time."""


class SlaTimer(TenantRow, Base):
    """How one measurement stands: a projection of the ledger, for lists, reports and sweeps."""

    __tablename__ = "sla_timers"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "ticket_id", "metric", "run"),
        _ticket("sla_timers"),
        # Across tenants, for the sweep.
        sa.Index(
            "ix_sla_timers_next_at", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")
        ),
        sa.Index(
            "ix_sla_timers_due",
            "organization_id",
            "next_at",
            "ticket_id",
            postgresql_where=sa.text("next_at IS NOT NULL"),
        ),
        # Everything the reports read, so that they read no row; of those that count.
        sa.Index(
            "ix_sla_timers_compliance",
            "organization_id",
            "metric",
            "started_at",
            postgresql_include=["state", "breached_at", *_REPORTED_BY],
            postgresql_where=sa.text(COUNTED),
        ),
    )

    ticket_id: Mapped[UUID]
    metric: Mapped[Metric] = mapped_column(text_enum(Metric, "metric"))
    run: Mapped[int]
    state: Mapped[TimerState] = mapped_column(text_enum(TimerState, "state"))
    policy_id: Mapped[UUID | None]
    policy_revision: Mapped[int | None]
    target_seconds: Mapped[int | None]
    started_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]  # when it stopped or was cancelled
    due_at: Mapped[datetime | None]
    next_at: Mapped[datetime | None]  # when the next level will be reached
    level: Mapped[int] = mapped_column(sa.SmallInteger())  # the highest one told; 0 for none
    breached_at: Mapped[datetime | None]
    # Counted until `counted_at`; of an ended timer for good. Pauses do not count in any of them.
    counted_at: Mapped[datetime]
    elapsed_seconds: Mapped[int] = mapped_column(sa.BigInteger())  # in what the target counts in
    elapsed_business_seconds: Mapped[int] = mapped_column(sa.BigInteger())
    elapsed_calendar_seconds: Mapped[int] = mapped_column(sa.BigInteger())
    # The ticket's, for reports: triggers of the database keep them, so that no writer can forget.
    team_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None]
    category_id: Mapped[UUID | None]
    priority: Mapped[str | None]


class SlaRecomputation(Base):
    """A change of settings that is being applied to the open tickets, batch after batch."""

    __tablename__ = "sla_recomputations"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "ix_sla_recomputations_pending",
            "organization_id",
            "requested_at",
            postgresql_where=sa.text("finished_at IS NULL"),
        ),
        sa.Index("ix_sla_recomputations_requested_at", "organization_id", "requested_at", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    cause: Mapped[str]
    subject_id: Mapped[UUID]
    requested_by: Mapped[UserId]
    requested_at: Mapped[datetime]
    after_ticket_id: Mapped[UUID | None]  # those up to it are done
    tickets: Mapped[int]
    finished_at: Mapped[datetime | None]
