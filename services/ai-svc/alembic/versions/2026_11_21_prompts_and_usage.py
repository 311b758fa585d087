"""Prompt aliases, budgets, and what was spent."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import Verb, allow_worker, enable_tenant_isolation, enum_check

revision = "ai_012"
down_revision = "ai_011"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
PERIODS = ("day", "month")

# In the order they are made; what the service may do with the rows of its tenant.
TABLES: dict[str, tuple[Verb, ...]] = {
    "prompt_aliases": ("SELECT", "INSERT", "UPDATE"),
    "prompt_alias_changes": ("SELECT", "INSERT"),
    "budgets": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "usage_entries": ("SELECT", "INSERT", "UPDATE"),
    "usage_totals": ("SELECT", "INSERT", "UPDATE"),
}


def upgrade() -> None:
    """Creates the tables, with row-level security from the first row on."""
    _create_aliases()
    _create_budgets()
    _create_usage()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    # What nobody settles, and what is too old, is found across organizations.
    allow_worker(op, SCHEMA, "usage_entries", ("SELECT", "UPDATE", "DELETE"))
    allow_worker(op, SCHEMA, "usage_totals", ("SELECT", "DELETE"))


def downgrade() -> None:
    """Drops them: budgets hold no longer, and aliases name the newest versions."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _text(name: str, *, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), primary_key=key, nullable=False)


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _big(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _create_aliases() -> None:
    aliases = ("production", "candidate")
    op.create_table(
        "prompt_aliases",
        _uuid("organization_id", key=True),
        _text("prompt_id", key=True),
        _text("alias", key=True),
        sa.Column("prompt_version", sa.Integer(), nullable=True),
        _uuid("changed_by"),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        _now("created_at"),
        _now("updated_at"),
        enum_check("alias", aliases),
        schema=SCHEMA,
    )
    op.create_table(
        "prompt_alias_changes",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _text("prompt_id"),
        _text("alias"),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("kind"),
        sa.Column("from_version", sa.Integer(), nullable=True),
        sa.Column("to_version", sa.Integer(), nullable=True),
        _uuid("undoes_id", nullable=True),
        _uuid("changed_by"),
        _now("created_at"),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "undoes_id"),
        sa.UniqueConstraint("organization_id", "prompt_id", "alias", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "prompt_id", "alias"],
            [
                f"{SCHEMA}.prompt_aliases.organization_id",
                f"{SCHEMA}.prompt_aliases.prompt_id",
                f"{SCHEMA}.prompt_aliases.alias",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "undoes_id"],
            [
                f"{SCHEMA}.prompt_alias_changes.organization_id",
                f"{SCHEMA}.prompt_alias_changes.id",
            ],
        ),
        enum_check("alias", aliases),
        enum_check("kind", ("set", "rollback")),
        sa.CheckConstraint("(kind = 'rollback') = (undoes_id IS NOT NULL)", name="undoes_id"),
        sa.Index(
            "ix_prompt_alias_changes_prompt_id",
            "organization_id",
            "prompt_id",
            "created_at",
            "id",
        ),
        schema=SCHEMA,
    )


def _create_budgets() -> None:
    op.create_table(
        "budgets",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        _text("scope"),
        _uuid("user_id", nullable=True),
        _big("tokens_per_day", nullable=True),
        _big("tokens_per_month", nullable=True),
        _big("micros_per_day", nullable=True),
        _big("micros_per_month", nullable=True),
        _uuid("changed_by"),
        sa.UniqueConstraint("organization_id", "id"),
        enum_check("scope", ("organization", "each_user", "user")),
        sa.CheckConstraint("(scope = 'user') = (user_id IS NOT NULL)", name="user_id"),
        sa.CheckConstraint(
            "least(tokens_per_day, tokens_per_month, micros_per_day, micros_per_month) >= 0",
            name="limits",
        ),
        sa.Index(
            "uq_budgets_scope",
            "organization_id",
            "scope",
            "user_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        schema=SCHEMA,
    )


def _create_usage() -> None:
    op.create_table(
        "usage_entries",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _uuid("user_id", nullable=True),
        _text("use"),
        _text("model"),
        _uuid("run_id", nullable=True),
        _text("request_id"),
        sa.Column("day", sa.Date(), nullable=False),
        _text("state"),
        _big("input_tokens"),
        _big("output_tokens"),
        _big("micros"),
        _text("currency"),
        sa.Column("is_priced", sa.Boolean(), nullable=False),
        _now("created_at"),
        sa.Column("lease_expires_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        enum_check("state", ("reserved", "settled", "released", "expired")),
        sa.CheckConstraint(
            "input_tokens >= 0 AND output_tokens >= 0 AND micros >= 0", name="amounts"
        ),
        sa.CheckConstraint("length(use) BETWEEN 1 AND 40", name="use"),
        sa.Index("ix_usage_entries_day", "organization_id", "day", "user_id"),
        sa.Index("ix_usage_entries_user_id", "organization_id", "user_id", "day"),
        sa.Index(
            "ix_usage_entries_lease_expires_at",
            "lease_expires_at",
            postgresql_where=sa.text("state = 'reserved'"),
        ),
        sa.Index("ix_usage_entries_oldest", "day"),
        schema=SCHEMA,
    )
    op.create_table(
        "usage_totals",
        _uuid("organization_id", key=True),
        _text("counted", key=True),
        _uuid("subject_id", key=True),
        _text("period", key=True),
        sa.Column("starts_on", sa.Date(), primary_key=True),
        _big("tokens"),
        _big("micros"),
        enum_check("counted", ("organization", "user")),
        enum_check("period", PERIODS),
        sa.Index("ix_usage_totals_starts_on", "starts_on"),
        schema=SCHEMA,
    )
