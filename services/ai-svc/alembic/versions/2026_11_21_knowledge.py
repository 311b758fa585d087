"""Documents, chunks, ingestion queue, lexical statistics, triages, and the tables every service has."""

from typing import Any

import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC, SPARSEVEC
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from alembic import op
from chassis.data.migrations import (
    allow_worker,
    create_schema,
    create_system_tables,
    drop_schema,
    drop_system_tables,
    enable_tenant_isolation,
    enum_check,
)

revision = "ai_001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)

STATUSES = ("pending", "processing", "indexed", "failed", "cancelled")
JOB_STATES = ("pending", "processing", "succeeded", "failed", "cancelled")

# In the order of their foreign keys.
TABLES = ("documents", "chunks", "ingestion_queue", "lexical_statistics", "triages")

# Row-level security evaluates no operator that is not leakproof before its own condition, and `@@`
# is not: under RLS the GIN index would never be used. This function looks into it as the tables'
# owner, for the transaction's tenant only, and returns ids; what they stand for is read under RLS.
CANDIDATES = """
CREATE FUNCTION ai.candidate_chunks(query tsquery, most integer) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 1000
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
  SELECT id FROM ai.chunks
  WHERE organization_id = nullif(current_setting('app.organization_id', true), '')::uuid
    AND terms @@ query
  LIMIT most
$$
"""


def upgrade() -> None:
    """Creates everything, with row-level security from the first row on."""
    create_schema(op, SCHEMA)
    create_system_tables(op, SCHEMA)
    _create_documents()
    _create_chunks()
    _create_ingestion_queue()
    _create_lexical_statistics()
    _create_triages()
    for table in TABLES:
        enable_tenant_isolation(op, SCHEMA, table)
    allow_worker(op, SCHEMA, "ingestion_queue", ("SELECT", "UPDATE", "DELETE"))
    _create_candidates()


def downgrade() -> None:
    """Drops everything."""
    op.execute("DROP FUNCTION ai.candidate_chunks(tsquery, integer)")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    drop_system_tables(op, SCHEMA)
    drop_schema(op, SCHEMA)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _now(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _document_of() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", "document_id"],
        [f"{SCHEMA}.documents.organization_id", f"{SCHEMA}.documents.id"],
        ondelete="CASCADE",
    )


def _create_documents() -> None:
    op.create_table(
        "documents",
        *_row(),
        _text("title"),
        _text("source_type"),
        _text("source_uri", nullable=True),
        _text("mime_type", nullable=True),
        _text("storage_key", nullable=True),
        _text("content_sha256", nullable=True),
        sa.Column("size_bytes", sa.BigInteger()),
        _text("language", nullable=True),
        _text("chunking"),
        _text("status"),
        _text("error_code", nullable=True),
        _text("error_message", nullable=True),
        _text("content", nullable=True),
        sa.Column("outline", JSONB()),
        _integer("page_count", nullable=True),
        _integer("chunk_count"),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.Column("indexed_at", INSTANT),
        _integer("version"),
        enum_check("source_type", ("file", "text", "url")),
        enum_check("language", ("pt", "en")),
        enum_check("chunking", ("semantic", "heading", "fixed")),
        enum_check("status", STATUSES),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_documents_organization_id_created_at",
        "documents",
        ["organization_id", "created_at", "id"],
        schema=SCHEMA,
    )


def _create_chunks() -> None:
    op.create_table(
        "chunks",
        *_row(),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        _integer("position"),
        _text("content"),
        _integer("char_start"),
        _integer("char_end"),
        _integer("page", nullable=True),
        _text("heading", nullable=True),
        _integer("token_count"),
        _text("language"),
        sa.Column("lexv", SPARSEVEC(2**26), nullable=False),
        sa.Column("terms", TSVECTOR(), nullable=False),
        sa.Column("embedding", HALFVEC(1536), nullable=False),
        _text("embedding_model"),
        sa.UniqueConstraint("organization_id", "document_id", "position"),
        _document_of(),
        enum_check("language", ("pt", "en")),
        schema=SCHEMA,
    )
    # Compressing them saves little and costs every exact scan a decompression per chunk.
    op.execute("ALTER TABLE ai.chunks ALTER COLUMN lexv SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE ai.chunks ALTER COLUMN embedding SET STORAGE EXTERNAL")
    op.create_index("ix_chunks_terms", "chunks", ["terms"], schema=SCHEMA, postgresql_using="gin")


def _create_ingestion_queue() -> None:
    op.create_table(
        "ingestion_queue",
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
        sa.Column("document_id", sa.Uuid(), nullable=False),
        _text("correlation_id"),
        _text("traceparent", nullable=True),
        _document_of(),
        enum_check("state", JOB_STATES),
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
        sa.Index(None, "organization_id", "document_id", "created_at"),
        sa.Index(
            "uq_ingestion_queue_unfinished",
            "organization_id",
            "document_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
        schema=SCHEMA,
    )


def _create_lexical_statistics() -> None:
    op.create_table(
        "lexical_statistics",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        _integer("generation"),
        _integer("chunk_count"),
        _integer("changed_chunks"),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
        sa.Column("frequencies", sa.LargeBinary(), nullable=False),
        _text("stems"),
        _now("updated_at"),
        schema=SCHEMA,
    )


def _create_triages() -> None:
    op.create_table(
        "triages",
        *_row(),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        _text("status"),
        sa.Column("opened_at", INSTANT, nullable=False),
        _now("created_at"),
        _now("updated_at"),
        sa.UniqueConstraint("organization_id", "ticket_id"),
        enum_check("status", ("waiting",)),
        schema=SCHEMA,
    )


def _create_candidates() -> None:
    op.execute("CREATE POLICY candidates ON ai.chunks FOR SELECT TO cogep_owner USING (true)")
    op.execute(CANDIDATES)
    op.execute("REVOKE ALL ON FUNCTION ai.candidate_chunks(tsquery, integer) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION ai.candidate_chunks(tsquery, integer) TO cogep_app")
