"""When what a client is known by was last corrected: what the assistant remembers from before is
no longer used with the old value.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import enable_tenant_isolation

revision = "ai_019"
down_revision = "ai_018"
branch_labels = None
depends_on = None

SCHEMA = "ai"
TABLE = "client_corrections"
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """A new table of ids and times. Nothing about somebody who was erased comes in."""
    op.create_table(
        TABLE,
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("corrected_at", INSTANT, nullable=False),
        sa.Column("unfindable_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "client_id", name=f"pk_{TABLE}"),
        schema=SCHEMA,
    )
    enable_tenant_isolation(op, SCHEMA, TABLE)
    op.execute(
        f"CREATE TRIGGER guard_erased BEFORE INSERT ON ai.{TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION ai.guard_erased('skip')"
    )


def downgrade() -> None:
    """What was corrected is not known any more."""
    op.drop_table(TABLE, schema=SCHEMA)
