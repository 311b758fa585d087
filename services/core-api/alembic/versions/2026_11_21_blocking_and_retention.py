"""Blocking, anonymisation and retention."""

revision = "crm_017"
down_revision = "crm_016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
