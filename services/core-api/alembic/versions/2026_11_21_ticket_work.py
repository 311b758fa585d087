"""Categories, watchers, links, revisions and settings of tickets."""

revision = "crm_005"
down_revision = "crm_004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
