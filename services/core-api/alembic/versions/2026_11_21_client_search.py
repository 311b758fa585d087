"""Finding clients, and joining those that are one."""

revision = "crm_003"
down_revision = "crm_002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
