"""Mails that are to go out: a job queue of ids and states, without address or words."""

from typing import Any

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import allow_worker, enable_tenant_isolation, enum_check

revision = "crm_022"
down_revision = "crm_021"
branch_labels = None
depends_on = None

SCHEMA = "crm"
TABLE = "deliveries"
INSTANT = sa.DateTime(timezone=True)
STATES = ("pending", "processing", "succeeded", "failed", "cancelled")
KINDS = ("privacy_message", "recipient_notice", "incident_notice", "preferences_link")
OWNERS = {
    "privacy_message_id": "privacy_messages",
    "recipient_notice_id": "recipient_notices",
    "incident_notice_id": "incident_notices",
    "preferences_link_id": "preferences_links",
}


def upgrade() -> None:
    """Creates the table, with row-level security from the first row on. What was recorded before
    is not sent: people have seen to it."""
    op.create_table(
        TABLE,
        *_job(),
        _text("kind", nullable=False),
        _uuid("client_id"),
        *(sa.Column(column, sa.Uuid()) for column in OWNERS),
        _text("message_id"),
        _instant("sent_at"),
        _refers("client_id", "clients"),
        *(_refers(column, table) for column, table in OWNERS.items()),
        enum_check("state", STATES),
        enum_check("kind", KINDS),
        sa.CheckConstraint(f"num_nonnulls({', '.join(OWNERS)}) = 1", name="one_owner"),
        schema=SCHEMA,
    )
    _index_jobs()
    _index_owners()
    # Whom an erasure forgets, their deliveries go.
    enable_tenant_isolation(op, SCHEMA, TABLE)
    allow_worker(op, SCHEMA, TABLE, ("SELECT", "UPDATE"))


def downgrade() -> None:
    """Drops it."""
    op.drop_table(TABLE, schema=SCHEMA)


def _text(name: str, *, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _uuid(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=False)


def _instant(name: str, *, now: bool = False) -> sa.Column[Any]:
    if not now:
        return sa.Column(name, INSTANT)
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _small(name: str, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.SmallInteger(), nullable=False, server_default=default)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _job() -> list[sa.schema.SchemaItem]:
    """The columns of every job queue, as they were on this day."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        _uuid("organization_id"),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        _small("priority", "100"),
        _small("attempts", "0"),
        _small("max_attempts", "5"),
        _instant("run_at", now=True),
        sa.Column("lease_token", sa.BigInteger(), nullable=False, server_default="0"),
        _text("leased_by"),
        _instant("lease_expires_at"),
        _text("stage"),
        _small("percent", "0"),
        _text("error_code"),
        _text("error_message"),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        _instant("finished_at"),
    ]


def _index_jobs() -> None:
    for suffix, columns, where in (
        (
            "organization_id_priority_run_at_id",
            ["organization_id", "priority", "run_at", "id"],
            "state = 'pending'",
        ),
        (
            "organization_id_lease_expires_at",
            ["organization_id", "lease_expires_at"],
            "state = 'processing'",
        ),
        ("finished_at", ["finished_at"], "finished_at IS NOT NULL"),
    ):
        name = f"ix_{TABLE}_{suffix}"
        op.create_index(name, TABLE, columns, schema=SCHEMA, postgresql_where=sa.text(where))


def _index_owners() -> None:
    op.create_index(
        "uq_deliveries_once",
        TABLE,
        ["organization_id", "client_id", *OWNERS],
        schema=SCHEMA,
        unique=True,
        postgresql_where=sa.text("state IN ('pending', 'processing', 'succeeded')"),
        postgresql_nulls_not_distinct=True,
    )
    op.create_index(
        "ix_deliveries_created_at", TABLE, ["organization_id", "created_at", "id"], schema=SCHEMA
    )
    for column in OWNERS:
        op.create_index(
            f"ix_deliveries_{column}",
            TABLE,
            ["organization_id", column, "created_at", "id"],
            schema=SCHEMA,
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
