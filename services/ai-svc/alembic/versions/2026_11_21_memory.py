"""What the assistant remembers."""

revision = "ai_015"
down_revision = "ai_014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
