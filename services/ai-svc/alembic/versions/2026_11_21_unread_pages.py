"""How many pages or pictures of a version nobody has read, for want of text recognition."""

import sqlalchemy as sa

from alembic import op

revision = "ai_020"
down_revision = "ai_019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Not known of what was indexed before."""
    op.add_column("document_versions", sa.Column("unread_pages", sa.Integer()), schema="ai")


def downgrade() -> None:
    """It is not said any more."""
    op.drop_column("document_versions", "unread_pages", schema="ai")
