"""Triage as the assistant proposed it."""

revision = "crm_020"
down_revision = "crm_019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
