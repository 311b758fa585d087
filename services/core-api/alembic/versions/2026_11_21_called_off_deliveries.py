"""Mails that were called off while a worker was sending them: that is remembered until they end."""

import sqlalchemy as sa

from alembic import op

revision = "crm_023"
down_revision = "crm_022"
branch_labels = None
depends_on = None

SCHEMA = "crm"


def upgrade() -> None:
    """Nothing is called off yet."""
    op.add_column(
        "deliveries", sa.Column("called_off_at", sa.DateTime(timezone=True)), schema=SCHEMA
    )


def downgrade() -> None:
    """What is called off under way may go out again."""
    op.drop_column("deliveries", "called_off_at", schema=SCHEMA)
