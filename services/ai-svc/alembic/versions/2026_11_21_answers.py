"""Cached answers, feedback and curated answers."""

revision = "ai_005"
down_revision = "ai_004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
