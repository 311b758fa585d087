"""What the assistant proposes and a person confirms."""

revision = "ai_013"
down_revision = "ai_012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
