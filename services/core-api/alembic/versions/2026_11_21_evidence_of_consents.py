"""Receipts name the attachment that proves them, and its hash.

Columns without default; the index beside the traffic.
"""

import sqlalchemy as sa

from alembic import op

revision = "crm_013"
down_revision = "crm_012"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INDEX = "ix_consents_evidence_id"


def upgrade() -> None:
    """Stopped halfway, it goes on where it was."""
    op.execute(
        "ALTER TABLE crm.consents ADD COLUMN IF NOT EXISTS evidence_id uuid,"
        " ADD COLUMN IF NOT EXISTS evidence_sha256 text"
    )
    with op.get_context().autocommit_block():
        op.drop_index(
            INDEX, "consents", schema=SCHEMA, postgresql_concurrently=True, if_exists=True
        )
        op.create_index(
            INDEX,
            "consents",
            ["organization_id", "evidence_id"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_where=sa.text("evidence_id IS NOT NULL"),
        )


def downgrade() -> None:
    """The attachments stay where they are."""
    op.execute(
        "ALTER TABLE crm.consents DROP COLUMN IF EXISTS evidence_id,"
        " DROP COLUMN IF EXISTS evidence_sha256"
    )
