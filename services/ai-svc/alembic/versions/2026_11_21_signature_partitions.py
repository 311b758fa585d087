"""Signatures in partitions by organization: a search reads its own and a sixteenth of the others'.

Readers go on meanwhile; who indexes waits until the rows are copied.
"""

import sqlalchemy as sa
from pgvector.sqlalchemy import BIT

from alembic import op
from chassis.data.migrations import TENANT, all_rows, enable_tenant_isolation, hold_off_vacuum

revision = "ai_017"
down_revision = "ai_016"
branch_labels = None
depends_on = None

PARTITIONS = 16
_KEY = "pk_chunk_signatures"
_CHUNK = "fk_chunk_signatures_organization_id_chunk_id_chunks"
_COLUMNS = "organization_id, chunk_id, document_id, model, signature"


def upgrade() -> None:
    """Copied, then swapped."""
    hold_off_vacuum(op, "ai", "chunk_signatures")
    op.execute("LOCK TABLE ai.chunk_signatures IN SHARE MODE")
    _create("chunk_signatures_new", postgresql_partition_by="HASH (organization_id)")
    for number in range(PARTITIONS):
        name = f"ai.chunk_signatures_{number:02d}"
        op.execute(
            f"CREATE TABLE {name} PARTITION OF ai.chunk_signatures_new"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {number})"
            " WITH (parallel_workers = 0)"
        )
        # Nobody is granted anything here: the way goes through the whole table and its policy.
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant ON {name} USING ({TENANT}) WITH CHECK ({TENANT})")
    _swap()


def downgrade() -> None:
    """One table for everybody."""
    hold_off_vacuum(op, "ai", "chunk_signatures")
    op.execute("LOCK TABLE ai.chunk_signatures IN SHARE MODE")
    _create("chunk_signatures_new")
    op.execute("ALTER TABLE ai.chunk_signatures_new SET (parallel_workers = 0)")
    _swap()


def _create(name: str, **options: str) -> None:
    op.create_table(
        name,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("chunk_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("signature", BIT(1536), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "chunk_id", name=f"{_KEY}_new"),
        sa.ForeignKeyConstraint(
            ["organization_id", "chunk_id"],
            ["ai.chunks.organization_id", "ai.chunks.id"],
            name=_CHUNK,
            ondelete="CASCADE",
        ),
        schema="ai",
        **options,
    )
    enable_tenant_isolation(op, "ai", name)


def _swap() -> None:
    with all_rows(op, "ai", "chunk_signatures", "chunk_signatures_new"):
        op.execute(
            f"INSERT INTO ai.chunk_signatures_new ({_COLUMNS})"
            f" SELECT {_COLUMNS} FROM ai.chunk_signatures"
        )
    # Nobody sees it without: all in one transaction, and the new one has the old one's name.
    op.execute("-- squawk-ignore ban-drop-table\nDROP TABLE ai.chunk_signatures")
    op.execute(
        "-- squawk-ignore renaming-table\n"
        "ALTER TABLE ai.chunk_signatures_new RENAME TO chunk_signatures"
    )
    op.execute(
        "-- squawk-ignore renaming-object\n"
        f"ALTER TABLE ai.chunk_signatures RENAME CONSTRAINT {_KEY}_new TO {_KEY}"
    )
