"""Prompt aliases, budgets, and what was spent."""

revision = "ai_012"
down_revision = "ai_011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
