"""Sources that are crawled again, and uploads in parts."""

revision = "ai_006"
down_revision = "ai_005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
