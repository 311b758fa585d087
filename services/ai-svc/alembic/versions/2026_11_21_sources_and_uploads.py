"""Sources that are crawled again, uploads in parts, and batches."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import allow_worker, enable_tenant_isolation, enum_check

revision = "ai_006"
down_revision = "ai_005"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
JOB_STATES = ("pending", "processing", "succeeded", "failed", "cancelled")
COUNTS = ("found", "added", "changed", "unchanged", "gone", "failed", "skipped")

# In the order of their foreign keys.
TABLES = (
    "uploads",
    "upload_parts",
    "batches",
    "batch_items",
    "sources",
    "source_items",
    "source_runs",
)


def upgrade() -> None:
    """Creates the tables, with row-level security from the first row on."""
    _create_uploads()
    _create_batches()
    _create_sources()
    _create_source_items()
    _create_source_runs()
    for table in TABLES:
        enable_tenant_isolation(op, SCHEMA, table)
    # What has expired, and what is due, is found across organizations.
    allow_worker(op, SCHEMA, "uploads", ("SELECT", "DELETE"))
    allow_worker(op, SCHEMA, "batches", ("SELECT", "DELETE"))
    allow_worker(op, SCHEMA, "sources", ("SELECT",))
    allow_worker(op, SCHEMA, "source_runs", ("SELECT", "UPDATE", "DELETE"))


def downgrade() -> None:
    """Drops them."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _refers(column: str, table: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        ondelete=ondelete,
    )


def _create_uploads() -> None:
    op.create_table(
        "uploads",
        *_row(),
        _now("created_at"),
        _now("updated_at"),
        _uuid("user_id"),
        _text("file_name", nullable=True),
        sa.Column("fields", JSONB(), nullable=False),
        _text("sha256", nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        _uuid("document_id", nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="received_bytes"),
        sa.Index("ix_uploads_user_id", "organization_id", "user_id"),
        sa.Index("ix_uploads_expires_at", "expires_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "upload_parts",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("upload_id", sa.Uuid(), primary_key=True),
        sa.Column("starts_at", sa.BigInteger(), primary_key=True),
        _text("storage_key"),
        _refers("upload_id", "uploads"),
        schema=SCHEMA,
    )


def _create_batches() -> None:
    op.create_table(
        "batches",
        *_row(),
        _uuid("submitted_by"),
        _integer("total"),
        _now("created_at"),
        sa.Index("ix_batches_created_at", "created_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "batch_items",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("batch_id", sa.Uuid(), primary_key=True),
        sa.Column("position", sa.Integer(), primary_key=True),
        _text("outcome"),
        _text("name", nullable=True),
        _uuid("document_id", nullable=True),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _refers("batch_id", "batches"),
        _refers("document_id", "documents"),
        sa.Index("ix_batch_items_document_id", "organization_id", "document_id"),
        enum_check("outcome", ("accepted", "duplicate", "refused")),
        schema=SCHEMA,
    )


def _create_sources() -> None:
    op.create_table(
        "sources",
        *_row(),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        _text("name"),
        _text("kind"),
        _text("address"),
        sa.Column("options", JSONB(), nullable=False),
        sa.Column("sealed_credentials", sa.LargeBinary()),
        _text("chunking"),
        _text("language", nullable=True),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False),
        _text("visibility"),
        sa.Column("allowed_roles", ARRAY(sa.Text()), nullable=False),
        sa.Column("allowed_team_ids", ARRAY(sa.Uuid()), nullable=False),
        _integer("every_minutes", nullable=True),
        sa.Column("next_sync_at", INSTANT),
        sa.Column("last_synced_at", INSTANT),
        _uuid("created_by"),
        sa.UniqueConstraint("organization_id", "name"),
        enum_check("kind", ("url", "sitemap", "s3")),
        # `chunking` is handed on to a document, whose own CHECK says what there is.
        enum_check("language", ("pt", "en")),
        sa.CheckConstraint("visibility IN ('organization', 'restricted')", name="visibility"),
        sa.CheckConstraint("every_minutes IS NULL OR every_minutes >= 15", name="every_minutes"),
        sa.Index("ix_sources_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_sources_next_sync_at",
            "next_sync_at",
            postgresql_where=sa.text("next_sync_at IS NOT NULL"),
        ),
        schema=SCHEMA,
    )


def _create_source_items() -> None:
    op.create_table(
        "source_items",
        *_row(),
        _now("created_at"),
        _now("updated_at"),
        _uuid("source_id"),
        _text("address"),
        _uuid("document_id", nullable=True),
        _text("state"),
        _text("etag", nullable=True),
        _text("last_modified", nullable=True),
        _text("listed_as", nullable=True),
        _text("content_sha256", nullable=True),
        _integer("misses"),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        sa.Column("checked_at", INSTANT),
        sa.UniqueConstraint("organization_id", "source_id", "address"),
        _refers("source_id", "sources"),
        _refers("document_id", "documents", "SET NULL (document_id)"),
        sa.Index("ix_source_items_document_id", "organization_id", "document_id"),
        enum_check("state", ("active", "failed", "gone", "excluded")),
        schema=SCHEMA,
    )


def _create_source_runs() -> None:
    op.create_table(
        "source_runs",
        *_row(),
        sa.Column("state", sa.Text(), nullable=False, server_default="pending"),
        sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="100"),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False, server_default="5"),
        _now("run_at"),
        sa.Column("lease_token", sa.BigInteger(), nullable=False, server_default="0"),
        _text("leased_by", nullable=True),
        sa.Column("lease_expires_at", INSTANT),
        _text("stage", nullable=True),
        sa.Column("percent", sa.SmallInteger(), nullable=False, server_default="0"),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("finished_at", INSTANT),
        _uuid("source_id"),
        _text("trigger"),
        _uuid("requested_by", nullable=True),
        _text("correlation_id"),
        _text("traceparent", nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False, server_default="0") for name in COUNTS),
        _refers("source_id", "sources"),
        enum_check("state", JOB_STATES),
        enum_check("trigger", ("schedule", "person")),
        sa.Index(
            None,
            "organization_id",
            "priority",
            "run_at",
            "id",
            postgresql_where=sa.text("state = 'pending'"),
        ),
        sa.Index(
            None,
            "organization_id",
            "lease_expires_at",
            postgresql_where=sa.text("state = 'processing'"),
        ),
        sa.Index(None, "finished_at", postgresql_where=sa.text("finished_at IS NOT NULL")),
        sa.Index("ix_source_runs_source_id", "organization_id", "source_id", "created_at", "id"),
        sa.Index(
            "uq_source_runs_unfinished",
            "organization_id",
            "source_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
        schema=SCHEMA,
    )
