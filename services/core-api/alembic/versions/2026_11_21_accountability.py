"""Records, recipients, incidents and automated decisions."""

revision = "crm_018"
down_revision = "crm_017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
