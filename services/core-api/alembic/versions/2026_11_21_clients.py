"""A client's contacts, sealed documents, custom fields, notes and relations; what the audit log remembers."""

revision = "crm_002"
down_revision = "crm_001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
