"""Erasures, legal holds and receipts."""

revision = "crm_015"
down_revision = "crm_014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
