"""Versions of documents, who may read them, what an organization uses, and tombstones.

What a document says moves into its first version; the columns it leaves are dropped, so ai-svc and
worker-svc stand still meanwhile.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from chassis.data.migrations import (
    Verb,
    all_rows,
    allow_worker,
    enable_tenant_isolation,
    enum_check,
    grant,
)

revision = "ai_002"
down_revision = "ai_001"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)

# In the order of their foreign keys.
TABLES: dict[str, tuple[Verb, ...]] = {
    "document_versions": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "deleted_documents": ("SELECT", "INSERT"),
    "knowledge_usage": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "team_members": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "client_consents": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "client_merges": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "access_rebuilds": ("SELECT", "INSERT", "UPDATE"),
}
LEGAL_BASES = (
    "consent",
    "legal_obligation",
    "public_policy",
    "research",
    "contract",
    "exercise_of_rights_in_proceedings",
    "protection_of_life",
    "health_protection",
    "legitimate_interest",
    "credit_protection",
)
MOVED = (
    "source_uri",
    "mime_type",
    "storage_key",
    "content_sha256",
    "size_bytes",
    "language",
    "content",
    "outline",
    "page_count",
    "chunk_count",
    "indexed_at",
)
CHECKS = {
    "visibility": "visibility IN ('organization', 'restricted', 'client')",
    "legal_basis": "legal_basis IN (" + ", ".join(f"'{basis}'" for basis in LEGAL_BASES) + ")",
    "allowed_roles": "allowed_roles <@ ARRAY['admin', 'agent', 'viewer', 'dpo']",
    "restricted_lists": "visibility = 'restricted' OR (allowed_roles = '{}' AND allowed_team_ids = '{}')",
    "client_purpose": "num_nonnulls(client_id, purpose_code, legal_basis)"
    " = CASE WHEN visibility = 'client' THEN 3 ELSE 0 END",
}


def upgrade() -> None:
    """New tables and columns; every document becomes version 1 of itself."""
    _create_versions()
    _create_tombstones_and_usage()
    _create_projections()
    _create_rebuilds()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    allow_worker(op, SCHEMA, "knowledge_usage", ("SELECT",))  # which organizations there are
    grant(op, SCHEMA, "idempotency_keys", ("DELETE",))  # what tells of a document goes with it
    _add_columns()
    with all_rows(op, SCHEMA, "documents", "document_versions", "chunks", "knowledge_usage"):
        _move_into_versions()
    for column in MOVED:
        op.drop_column("documents", column, schema=SCHEMA)
    _refer_to_versions()
    with op.get_context().autocommit_block():
        for name in CHECKS:
            op.execute(f"ALTER TABLE ai.documents VALIDATE CONSTRAINT ck_documents_{name}")
        with all_rows(op, SCHEMA, "chunks", "document_versions"):
            op.execute("ALTER TABLE ai.chunks VALIDATE CONSTRAINT fk_chunks_version")
        _create_indexes()


def downgrade() -> None:
    """The current version becomes the document again; older ones and all access lists are lost.

    What not everybody may read is deleted: there would be nothing left that hides it.
    """
    op.execute("DROP INDEX ai.ix_documents_restricted, ai.ix_documents_client")
    op.execute("DROP INDEX ai.uq_documents_organization_id_external_id")
    op.execute("ALTER TABLE ai.chunks DROP CONSTRAINT fk_chunks_version")
    _add_back()
    with all_rows(op, SCHEMA, "documents", "document_versions", "chunks", "ingestion_queue"):
        op.execute("DELETE FROM ai.documents WHERE visibility <> 'organization'")
        assigned = ", ".join(f"{column} = v.{column}" for column in MOVED)
        op.execute(
            f"UPDATE ai.documents d SET {assigned} FROM ai.document_versions v"
            " WHERE v.organization_id = d.organization_id AND v.document_id = d.id"
            " AND v.number = coalesce(d.current_version, d.latest_version)"
        )
    op.drop_column("chunks", "version_number", schema=SCHEMA)
    op.drop_column("ingestion_queue", "version_number", schema=SCHEMA)
    for name in CHECKS:
        op.drop_constraint(f"ck_documents_{name}", "documents", schema=SCHEMA)
    for column in (
        "current_version",
        "latest_version",
        "visibility",
        "allowed_roles",
        "allowed_team_ids",
        "client_id",
        "purpose_code",
        "legal_basis",
        "external_id",
    ):
        op.drop_column("documents", column, schema=SCHEMA)
    op.execute("REVOKE DELETE ON ai.idempotency_keys FROM cogep_app")
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _tenant() -> sa.Column[object]:
    return sa.Column("organization_id", sa.Uuid(), nullable=False)


def _create_versions() -> None:
    op.create_table(
        "document_versions",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _tenant(),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("source_type", sa.Text(), nullable=False),
        sa.Column("source_uri", sa.Text()),
        sa.Column("mime_type", sa.Text()),
        sa.Column("charset", sa.Text()),
        sa.Column("storage_key", sa.Text()),
        sa.Column("content_sha256", sa.Text()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("counted_bytes", sa.BigInteger(), nullable=False),
        sa.Column("chunking", sa.Text(), nullable=False),
        sa.Column("language", sa.Text()),
        sa.Column("content", sa.Text()),
        sa.Column("outline", JSONB()),
        sa.Column("character_count", sa.Integer()),
        sa.Column("page_count", sa.Integer()),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("stages", JSONB()),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("indexed_at", INSTANT),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "document_id", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        enum_check("source_type", ("file", "text", "url")),
        enum_check("language", ("pt", "en")),
        schema=SCHEMA,
    )


def _create_tombstones_and_usage() -> None:
    op.create_table(
        "deleted_documents",
        sa.Column("id", sa.Uuid(), primary_key=True),
        _tenant(),
        sa.Column("deleted_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    op.create_table(
        "knowledge_usage",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("shard", sa.SmallInteger(), primary_key=True),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )


def _create_projections() -> None:
    op.create_table(
        "team_members",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("member_id", sa.Uuid(), primary_key=True),
        sa.Column("team_id", sa.Uuid(), primary_key=True),
        sa.Column("is_member", sa.Boolean(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "client_consents",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("consent_id", sa.Uuid(), primary_key=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("purpose_id", sa.Uuid(), nullable=False),
        sa.Column("purpose_code", sa.Text()),
        sa.Column("revoked_at", INSTANT),
        sa.Index(None, "organization_id", "client_id", "purpose_code"),
        schema=SCHEMA,
    )
    op.create_table(
        "client_merges",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("merge_id", sa.Uuid(), primary_key=True),
        sa.Column("merged_id", sa.Uuid(), nullable=False),
        sa.Column("survivor_id", sa.Uuid(), nullable=False),
        sa.Column("undone_at", INSTANT),
        sa.Index(None, "organization_id", "survivor_id"),
        schema=SCHEMA,
    )


def _create_rebuilds() -> None:
    op.create_table(
        "access_rebuilds",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("rebuilt_at", INSTANT, nullable=False),
        schema=SCHEMA,
    )


def _add_columns() -> None:
    for column, kind in {
        "current_version": "integer",
        "client_id": "uuid",
        "purpose_code": "text",
        "legal_basis": "text",
        "external_id": "text",
    }.items():
        op.execute(f"ALTER TABLE ai.documents ADD COLUMN {column} {kind}")
    for table, column, kind in (
        ("documents", "latest_version", "integer NOT NULL DEFAULT 1"),
        ("documents", "visibility", "text NOT NULL DEFAULT 'organization'"),
        ("documents", "allowed_roles", "text[] NOT NULL DEFAULT '{}'"),
        ("documents", "allowed_team_ids", "uuid[] NOT NULL DEFAULT '{}'"),
        ("ingestion_queue", "version_number", "integer NOT NULL DEFAULT 1"),
        ("chunks", "version_number", "integer NOT NULL DEFAULT 1"),
    ):
        op.execute(f"ALTER TABLE ai.{table} ADD COLUMN {column} {kind}")
    # Whoever forgets to say whom a document is for has it read by few.
    op.execute("ALTER TABLE ai.documents ALTER COLUMN visibility SET DEFAULT 'restricted'")
    for name, condition in CHECKS.items():
        op.execute(
            f"ALTER TABLE ai.documents ADD CONSTRAINT ck_documents_{name}"
            f" CHECK ({condition}) NOT VALID"
        )


def _move_into_versions() -> None:
    columns = ", ".join(MOVED)
    op.execute(
        "INSERT INTO ai.document_versions (id, organization_id, document_id, number, source_type,"
        f" {columns}, chunking, counted_bytes, character_count,"
        " submitted_by, created_at)"
        f" SELECT gen_random_uuid(), organization_id, id, 1, source_type, {columns}, chunking,"
        " coalesce(size_bytes, 0), CASE WHEN indexed_at IS NOT NULL THEN length(content) END,"
        " submitted_by, created_at FROM ai.documents"
    )
    op.execute("UPDATE ai.documents SET current_version = 1 WHERE indexed_at IS NOT NULL")
    op.execute(
        "INSERT INTO ai.knowledge_usage (organization_id, shard, documents, bytes, characters)"
        " SELECT organization_id, 0, count(*), coalesce(sum(size_bytes), 0),"
        " coalesce(sum(length(content)) FILTER (WHERE indexed_at IS NOT NULL), 0)"
        " FROM ai.documents GROUP BY organization_id"
    )


def _refer_to_versions() -> None:
    op.execute(
        "ALTER TABLE ai.chunks ADD CONSTRAINT fk_chunks_version"
        " FOREIGN KEY (organization_id, document_id, version_number)"
        " REFERENCES ai.document_versions (organization_id, document_id, number)"
        " ON DELETE CASCADE NOT VALID"
    )


def _create_indexes() -> None:
    # What is the same again is found by this. The last one made: of indexes that look equally good,
    # as all do before the table's first ANALYZE, PostgreSQL takes the youngest.
    op.create_index(
        "ix_document_versions_organization_id_content_sha256",
        "document_versions",
        ["organization_id", "content_sha256"],
        schema=SCHEMA,
        postgresql_concurrently=True,
        if_not_exists=True,
    )
    for name, columns, condition in (
        ("ix_documents_restricted", ["submitted_by"], "visibility = 'restricted'"),
        ("ix_documents_client", ["client_id"], "client_id IS NOT NULL"),
        ("uq_documents_organization_id_external_id", ["external_id"], "external_id IS NOT NULL"),
    ):
        op.create_index(
            name,
            "documents",
            ["organization_id", *columns],
            unique=name.startswith("uq_"),
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_where=sa.text(condition),
        )


def _add_back() -> None:
    for column, kind in {
        "source_uri": "text",
        "mime_type": "text",
        "storage_key": "text",
        "content_sha256": "text",
        "size_bytes": "bigint",
        "language": "text CONSTRAINT ck_documents_language CHECK (language IN ('pt', 'en'))",
        "content": "text",
        "outline": "jsonb",
        "page_count": "integer",
        "indexed_at": "timestamptz",
    }.items():
        op.execute(f"ALTER TABLE ai.documents ADD COLUMN {column} {kind}")
    op.execute("ALTER TABLE ai.documents ADD COLUMN chunk_count integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE ai.documents ALTER COLUMN chunk_count DROP DEFAULT")
