"""Triage of new tickets."""

revision = "ai_016"
down_revision = "ai_015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
