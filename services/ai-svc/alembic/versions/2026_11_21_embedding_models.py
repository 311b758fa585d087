"""Embeddings of the next model, and the health of the index."""

revision = "ai_007"
down_revision = "ai_006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
