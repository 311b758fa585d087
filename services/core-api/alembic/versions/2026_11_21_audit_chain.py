"""The audit log as a chain."""

revision = "crm_019"
down_revision = "crm_018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
