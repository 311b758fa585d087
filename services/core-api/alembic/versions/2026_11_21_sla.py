"""Calendars, policies and the ledger of service levels."""

revision = "crm_007"
down_revision = "crm_006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
