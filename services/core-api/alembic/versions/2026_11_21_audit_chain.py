"""The audit log as a chain: what attests each event, its link, and where the chain ends.

Nothing is rewritten: events of before get their links from the sweep, unattested.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check, hold_off_vacuum

revision = "crm_019"
down_revision = "crm_018"
branch_labels = None
depends_on = None

SCHEMA = "crm"
EVENTS = "audit_events"
INSTANT = sa.DateTime(timezone=True)
TABLES: dict[str, tuple[Verb, ...]] = {
    "audit_links": ("SELECT", "INSERT"),
    "audit_heads": ("SELECT", "INSERT", "UPDATE"),
}


def upgrade() -> None:
    """Each table is locked for a moment only."""
    hold_off_vacuum(op, SCHEMA, EVENTS)
    op.add_column(EVENTS, sa.Column("reason_sealed", JSONB(), nullable=True), schema=SCHEMA)
    op.add_column(EVENTS, sa.Column("attested", sa.LargeBinary(), nullable=True), schema=SCHEMA)
    op.create_table(
        "audit_links",
        _uuid("organization_id", key=True),
        sa.Column("sequence", sa.BigInteger(), primary_key=True, autoincrement=False),
        _uuid("event_id"),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        enum_check("standing", ("attested", "unattested", "refused")),
        sa.UniqueConstraint("organization_id", "event_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "audit_heads",
        _uuid("organization_id", key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("attested", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_until", INSTANT, nullable=False),
        schema=SCHEMA,
    )
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)


def downgrade() -> None:
    """The chain is forgotten, and so are reasons that are sealed."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    hold_off_vacuum(op, SCHEMA, EVENTS)
    for column in ("attested", "reason_sealed"):
        op.drop_column(EVENTS, column, schema=SCHEMA)


def _uuid(name: str, *, key: bool = False) -> sa.Column[sa.Uuid]:
    return sa.Column(name, sa.Uuid(), nullable=False, primary_key=key)
