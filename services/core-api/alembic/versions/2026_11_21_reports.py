"""What reports need to be fast."""

revision = "crm_009"
down_revision = "crm_008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
