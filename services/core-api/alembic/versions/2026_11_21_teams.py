"""Teams, saved views, canned replies and macros."""

revision = "crm_008"
down_revision = "crm_007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
