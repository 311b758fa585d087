"""What people corrected in chunks or switched off; how a document is cut, with chosen sizes."""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import all_rows, enable_tenant_isolation, enum_check

revision = "ai_003"
down_revision = "ai_002"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
CUTTING = r"chunking ~ '^(semantic|heading|fixed|law|qa|auto)(/\d{1,4}(/\d{1,4})?)?$'"


def upgrade() -> None:
    """Every chunk is switched on; nothing is corrected."""
    _create_edits()
    op.execute("ALTER TABLE ai.chunks ADD COLUMN enabled boolean NOT NULL DEFAULT true")
    op.execute("ALTER TABLE ai.document_versions ADD COLUMN revises integer")
    op.execute("ALTER TABLE ai.document_versions ADD COLUMN uncorrected text")
    _check_chunking(CUTTING)


def downgrade() -> None:
    """What was corrected stays in the text; what was switched off is found again."""
    with all_rows(op, SCHEMA, "documents"):
        op.execute(
            "UPDATE ai.documents SET chunking = CASE WHEN chunking ~ '^(heading|fixed)'"
            " THEN split_part(chunking, '/', 1) ELSE 'semantic' END"
            " WHERE chunking NOT IN ('semantic', 'heading', 'fixed')"
        )
    _check_chunking("chunking IN ('semantic', 'heading', 'fixed')")
    op.drop_column("document_versions", "uncorrected", schema=SCHEMA)
    op.drop_column("document_versions", "revises", schema=SCHEMA)
    op.drop_column("chunks", "enabled", schema=SCHEMA)
    op.drop_table("chunk_edits", schema=SCHEMA)


def _check_chunking(condition: str) -> None:
    op.drop_constraint("ck_documents_chunking", "documents", schema=SCHEMA)
    op.execute(
        f"ALTER TABLE ai.documents ADD CONSTRAINT ck_documents_chunking CHECK ({condition})"
        " NOT VALID"
    )
    with op.get_context().autocommit_block(), all_rows(op, SCHEMA, "documents"):
        op.execute("ALTER TABLE ai.documents VALIDATE CONSTRAINT ck_documents_chunking")


def _create_edits() -> None:
    op.create_table(
        "chunk_edits",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("original_sha256", sa.Text(), nullable=False),
        sa.Column("replacement", sa.Text()),
        sa.Column("char_start", sa.Integer(), nullable=False),
        sa.Column("version_number", sa.Integer(), nullable=False),
        sa.Column("found_in", sa.Integer()),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("undone_by", sa.Uuid()),
        sa.Column("undone_at", INSTANT),
        sa.UniqueConstraint("organization_id", "id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "document_id"],
            ["ai.documents.organization_id", "ai.documents.id"],
            ondelete="CASCADE",
        ),
        sa.Index(None, "organization_id", "document_id", "id"),
        sa.Index(
            "uq_chunk_edits_switched_off",
            "organization_id",
            "document_id",
            "original_sha256",
            unique=True,
            postgresql_where=sa.text("kind = 'switch_off' AND undone_at IS NULL"),
        ),
        enum_check("kind", ("correction", "switch_off")),
        sa.CheckConstraint("(kind = 'correction') = (replacement IS NOT NULL)", name="replacement"),
        sa.CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone"),
        schema=SCHEMA,
    )
    enable_tenant_isolation(
        op, SCHEMA, "chunk_edits", verbs=("SELECT", "INSERT", "UPDATE", "DELETE")
    )
