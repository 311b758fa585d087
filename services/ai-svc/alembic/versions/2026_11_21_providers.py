"""Who may be asked: an organization's order of providers and its policy."""

revision = "ai_011"
down_revision = "ai_010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
