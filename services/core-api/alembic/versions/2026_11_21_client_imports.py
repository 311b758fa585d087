"""Imports of clients from CSV: files, runs (a job queue), and rows that could not be used; and what
the timeline of a client finds its changes by."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from chassis.data.migrations import Verb, allow_worker, enable_tenant_isolation, enum_check

revision = "crm_004"
down_revision = "crm_003"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)

# What the application may do, and the worker role: claiming runs, forgetting people's data in time.
TABLES: dict[str, tuple[tuple[Verb, ...], tuple[Verb, ...]]] = {
    "client_imports": (("SELECT", "INSERT", "UPDATE"), ("SELECT", "UPDATE")),
    "client_import_runs": (("SELECT", "INSERT", "UPDATE"), ("SELECT", "UPDATE")),
    "client_import_errors": (("SELECT", "INSERT"), ("SELECT", "DELETE")),
}
STATES = ("pending", "processing", "succeeded", "failed", "cancelled")
COUNTS = ("rows_done", "rows_created", "rows_updated", "rows_unchanged", "rows_failed")


CLIENT_CHANGES = "ix_audit_events_client_changes"


def upgrade() -> None:
    """Creates everything, with row-level security from the first row on."""
    with op.get_context().autocommit_block():
        _index_client_changes()
    _create_imports()
    _create_runs()
    _create_errors()
    for table, (verbs, worker_verbs) in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
        allow_worker(op, SCHEMA, table, worker_verbs)


def downgrade() -> None:
    """Drops everything."""
    with op.get_context().autocommit_block():
        _drop_client_changes()
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _index_client_changes() -> None:
    """Beside the traffic; one that was stopped halfway is built anew.

    Of a client with 50,000 audit events about its tickets and of who looked at it, those of changes
    are read without the others.
    """
    _drop_client_changes()
    op.create_index(
        CLIENT_CHANGES,
        "audit_events",
        ["organization_id", "about", "occurred_at", "id"],
        schema=SCHEMA,
        postgresql_concurrently=True,
        if_not_exists=True,
        postgresql_where=sa.text(
            "action IN ('client.created', 'client.updated', 'client_relation.created',"
            " 'client_relation.updated', 'client_relation.deleted')"
        ),
    )


def _drop_client_changes() -> None:
    op.drop_index(
        CLIENT_CHANGES,
        "audit_events",
        schema=SCHEMA,
        postgresql_concurrently=True,
        if_exists=True,
    )


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _uuid(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=False)


def _instant(name: str, *, now: bool = False) -> sa.Column[Any]:
    if not now:
        return sa.Column(name, INSTANT)
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _small(name: str, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.SmallInteger(), nullable=False, server_default=default)


def _number(name: str, default: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=default)


def _json(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, JSONB(), nullable=nullable)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_imports() -> None:
    op.create_table(
        "client_imports",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _uuid("organization_id"),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        _number("version", "1"),
        _text("file_name"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("sha256"),
        _text("encoding"),
        _text("delimiter"),
        _json("header"),
        _json("sample", nullable=True),
        _uuid("created_by"),
        _instant("file_deleted_at"),
        sa.UniqueConstraint("organization_id", "id"),
        _refers("created_by", "members"),
        sa.Index("ix_client_imports_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_client_imports_file",
            "created_at",
            postgresql_where=sa.text("file_deleted_at IS NULL"),
        ),
        schema=SCHEMA,
    )


def _create_runs() -> None:
    op.create_table(
        "client_import_runs",
        *_job(),
        _uuid("import_id"),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        _json("plan"),
        _number("next_batch", "1"),
        sa.Column("rows_total", sa.Integer()),
        *(_number(name, "0") for name in COUNTS),
        _uuid("started_by"),
        _text("correlation_id"),
        _text("traceparent", nullable=True),
        sa.UniqueConstraint("organization_id", "id"),
        _refers("import_id", "client_imports"),
        _refers("started_by", "members"),
        enum_check("state", STATES),
        sa.Index(
            "ix_client_import_runs_organization_id_import_id_created_at",
            "organization_id",
            "import_id",
            "created_at",
        ),
        sa.Index(
            "uq_client_import_runs_unfinished",
            "organization_id",
            "import_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
        schema=SCHEMA,
    )
    _index_jobs()


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
        _text("leased_by", nullable=True),
        _instant("lease_expires_at"),
        _text("stage", nullable=True),
        _small("percent", "0"),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _instant("created_at", now=True),
        _instant("updated_at", now=True),
        _instant("finished_at"),
    ]


def _index_jobs() -> None:
    name, table = "ix_client_import_runs", "client_import_runs"
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
        op.create_index(
            f"{name}_{suffix}", table, columns, schema=SCHEMA, postgresql_where=sa.text(where)
        )


def _create_errors() -> None:
    op.create_table(
        "client_import_errors",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _uuid("organization_id"),
        _uuid("run_id"),
        sa.Column("row_number", sa.Integer(), nullable=False),
        _json("cells"),
        _json("problems"),
        _refers("run_id", "client_import_runs"),
        sa.Index("ix_client_import_errors_run_id", "organization_id", "run_id", "row_number", "id"),
        schema=SCHEMA,
    )
