"""Requests of data subjects."""

revision = "crm_014"
down_revision = "crm_013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
