"""Imports of clients from CSV."""

revision = "crm_004"
down_revision = "crm_003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
