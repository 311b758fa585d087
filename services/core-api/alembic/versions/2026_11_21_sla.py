"""Calendars, policies, ledger and timers of service levels.

Online: every table is new; `tickets` gets two columns without default, and an index beside the
traffic. No ticket has a timer before its organization has a policy: there is nothing to backfill.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "crm_007"
down_revision = "crm_006"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
APPEND: tuple[Verb, ...] = ("SELECT", "INSERT")
CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")

TABLES = {
    "sla_calendars": CHANGE,
    "sla_calendar_revisions": APPEND,
    "sla_policies": CHANGE,
    "sla_policy_revisions": APPEND,
    "sla_entries": APPEND,
    "sla_timers": CHANGE,
    "sla_recomputations": CHANGE,
}
# What the sweep sees across tenants: whose timers are due, whose settings have changed. Nothing else.
SEEN_BY_WORKER = {
    "sla_timers": "organization_id, next_at",
    "sla_recomputations": "organization_id, finished_at",
}
METRICS = ("first_response", "next_response", "resolution")
MEASURES = ("business", "calendar")


def upgrade() -> None:
    """Tables with their policies first, then the ticket's columns, then the index."""
    _create_calendars()
    _create_policies()
    _create_ledger()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    for table, columns in SEEN_BY_WORKER.items():
        op.execute(f"CREATE POLICY worker ON crm.{table} FOR SELECT TO cogep_worker USING (true)")
        op.execute(f"GRANT SELECT ({columns}) ON crm.{table} TO cogep_worker")
    for name in ("sla_due_at", "sla_warning_at"):
        op.add_column("tickets", sa.Column(name, INSTANT, nullable=True), schema=SCHEMA)
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_tickets_sla_due_at",
            "tickets",
            ["organization_id", "sla_due_at", "id"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_where=sa.text("sla_due_at IS NOT NULL"),
        )


def downgrade() -> None:
    """The ledger is forgotten."""
    op.drop_index("ix_tickets_sla_due_at", "tickets", schema=SCHEMA)
    for name in ("sla_warning_at", "sla_due_at"):
        op.drop_column("tickets", name, schema=SCHEMA)
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _number(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False, now: bool = False) -> sa.Column[Any]:
    default = sa.func.now() if now else None
    return sa.Column(name, INSTANT, nullable=nullable, server_default=default)


def _list(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, ARRAY(kind), nullable=False)


def _row() -> list[sa.schema.SchemaItem]:
    return [_uuid("id", key=True), _uuid("organization_id")]


def _changing_row() -> list[sa.schema.SchemaItem]:
    return [
        *_row(),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _revised() -> list[sa.schema.SchemaItem]:
    return [_number("revision"), _instant("revised_at"), _instant("deleted_at", nullable=True)]


def _refers(
    columns: list[str], table: str, others: list[str], name: str
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", *columns],
        [f"crm.{table}.{column}" for column in ("organization_id", *others)],
        name=name,
    )


def _unique(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    op.create_index(
        name,
        table,
        ["organization_id", *columns],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(where) if where else None,
    )


def _create_calendars() -> None:
    op.create_table(
        "sla_calendars",
        *_changing_row(),
        _text("name"),
        sa.Column("definition", JSONB(), nullable=False),
        *_revised(),
        schema=SCHEMA,
    )
    _unique("uq_sla_calendars_name", "sla_calendars", ["name"], "deleted_at IS NULL")
    op.create_table(
        "sla_calendar_revisions",
        _uuid("organization_id", key=True),
        _uuid("calendar_id", key=True),
        _number("revision", key=True),
        sa.Column("definition", JSONB(), nullable=False),
        _uuid("created_by"),
        _instant("created_at", now=True),
        _refers(["calendar_id"], "sla_calendars", ["id"], "fk_sla_calendar_revisions_calendar"),
        schema=SCHEMA,
    )


def _create_policies() -> None:
    op.create_table(
        "sla_policies",
        *_changing_row(),
        _text("name"),
        _number("position"),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        _uuid("calendar_id"),
        _text("measure"),
        _list("priorities", sa.Text()),
        _list("category_ids", sa.Uuid()),
        _list("client_tags", sa.Text()),
        *(_number(f"{metric}_seconds", nullable=True) for metric in METRICS),
        _list("pauses_in", sa.Text()),
        *_revised(),
        _refers(["calendar_id"], "sla_calendars", ["id"], "fk_sla_policies_calendar"),
        enum_check("measure", MEASURES),
        schema=SCHEMA,
    )
    _unique("uq_sla_policies_name", "sla_policies", ["name"], "deleted_at IS NULL")
    _unique("uq_sla_policies_default", "sla_policies", [], "is_default AND deleted_at IS NULL")
    op.create_index(
        "ix_sla_policies_calendar_id",
        "sla_policies",
        ["organization_id", "calendar_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "sla_policy_revisions",
        _uuid("organization_id", key=True),
        _uuid("policy_id", key=True),
        _number("revision", key=True),
        sa.Column("content", JSONB(), nullable=False),
        _uuid("created_by"),
        _instant("created_at", now=True),
        _refers(["policy_id"], "sla_policies", ["id"], "fk_sla_policy_revisions_policy"),
        schema=SCHEMA,
    )


def _create_ledger() -> None:
    kinds = ("start", "pause", "resume", "stop", "cancel", "policy", "calendar", "warn", "breach")
    op.create_table(
        "sla_entries",
        *_row(),
        _uuid("ticket_id"),
        _text("metric"),
        _number("run"),
        _number("position"),
        _text("kind"),
        _instant("at"),
        sa.Column("level", sa.SmallInteger(), nullable=True),
        _uuid("policy_id", nullable=True),
        _number("policy_revision", nullable=True),
        _uuid("calendar_id", nullable=True),
        _number("calendar_revision", nullable=True),
        _text("measure", nullable=True),
        _number("target_seconds", nullable=True),
        _text("cause"),
        _uuid("actor_id", nullable=True),
        _instant("created_at", now=True),
        sa.UniqueConstraint("organization_id", "id"),
        _refers(["ticket_id"], "tickets", ["id"], "fk_sla_entries_ticket"),
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
        enum_check("metric", METRICS),
        enum_check("kind", kinds),
        enum_check("measure", MEASURES),
        schema=SCHEMA,
    )
    one = ["ticket_id", "metric", "run"]
    _unique("uq_sla_entries_position", "sla_entries", [*one, "position"])
    _unique("uq_sla_entries_level", "sla_entries", [*one, "level"], "level IS NOT NULL")
    _create_timers()
    op.create_table(
        "sla_recomputations",
        *_row(),
        _text("cause"),
        _uuid("subject_id"),
        _uuid("requested_by"),
        _instant("requested_at"),
        _uuid("after_ticket_id", nullable=True),
        _number("tickets"),
        _instant("finished_at", nullable=True),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_sla_recomputations_pending",
        "sla_recomputations",
        ["organization_id", "requested_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_sla_recomputations_requested_at",
        "sla_recomputations",
        ["organization_id", "requested_at", "id"],
        schema=SCHEMA,
    )


def _create_timers() -> None:
    counted = ("elapsed_seconds", "elapsed_business_seconds", "elapsed_calendar_seconds")
    op.create_table(
        "sla_timers",
        *_row(),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        _uuid("ticket_id"),
        _text("metric"),
        _number("run"),
        _text("state"),
        _uuid("policy_id", nullable=True),
        _number("policy_revision", nullable=True),
        _number("target_seconds", nullable=True),
        _instant("started_at"),
        _instant("stopped_at", nullable=True),
        _instant("due_at", nullable=True),
        _instant("next_at", nullable=True),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        _instant("breached_at", nullable=True),
        _instant("counted_at"),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in counted),
        sa.UniqueConstraint("organization_id", "ticket_id", "metric", "run"),
        _refers(["ticket_id"], "tickets", ["id"], "fk_sla_timers_ticket"),
        enum_check("metric", METRICS),
        enum_check("state", ("running", "paused", "stopped", "cancelled")),
        schema=SCHEMA,
    )
    waiting = sa.text("next_at IS NOT NULL")
    op.create_index(
        "ix_sla_timers_next_at", "sla_timers", ["next_at"], schema=SCHEMA, postgresql_where=waiting
    )
    op.create_index(
        "ix_sla_timers_due",
        "sla_timers",
        ["organization_id", "next_at", "ticket_id"],
        schema=SCHEMA,
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_sla_timers_started_at",
        "sla_timers",
        ["organization_id", "metric", "started_at"],
        schema=SCHEMA,
    )
