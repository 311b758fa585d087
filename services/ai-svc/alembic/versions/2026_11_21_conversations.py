"""Conversations with the assistant."""

revision = "ai_014"
down_revision = "ai_013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
