"""Versions of documents, who may read them, and tombstones."""

revision = "ai_002"
down_revision = "ai_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
