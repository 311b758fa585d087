"""Who may be asked: an organization's order of providers and its policy."""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import enable_tenant_isolation

revision = "ai_011"
down_revision = "ai_010"
branch_labels = None
depends_on = None

SCHEMA = "ai"
INSTANT = sa.DateTime(timezone=True)
WORDS = sa.ARRAY(sa.Text())


def upgrade() -> None:
    """One row an organization that has decided something."""
    op.create_table(
        "provider_policies",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("providers", WORDS, nullable=False),
        sa.Column("personal_data", WORDS, nullable=False),
        sa.Column("countries", WORDS, nullable=True),
        sa.Column("changed_by", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.UniqueConstraint("organization_id"),
        schema=SCHEMA,
    )
    enable_tenant_isolation(
        op, SCHEMA, "provider_policies", verbs=("SELECT", "INSERT", "UPDATE", "DELETE")
    )


def downgrade() -> None:
    """Every organization asks whom the installation asks."""
    op.drop_table("provider_policies", schema=SCHEMA)
