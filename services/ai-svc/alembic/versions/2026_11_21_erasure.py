"""What erasing a person needs."""

revision = "ai_009"
down_revision = "ai_008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
