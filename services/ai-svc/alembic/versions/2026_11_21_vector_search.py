"""What search over many chunks needs."""

revision = "ai_004"
down_revision = "ai_003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
