"""Attachments, and full-text search of tickets."""

revision = "crm_006"
down_revision = "crm_005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
