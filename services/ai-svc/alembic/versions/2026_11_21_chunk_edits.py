"""What people corrected in chunks or switched off."""

revision = "ai_003"
down_revision = "ai_002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
