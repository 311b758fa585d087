"""Downloads of what is kept about a person."""

revision = "crm_016"
down_revision = "crm_015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
