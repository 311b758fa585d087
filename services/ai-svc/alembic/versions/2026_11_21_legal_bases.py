"""Purposes and blocks, as searches ask for them."""

revision = "ai_010"
down_revision = "ai_009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
