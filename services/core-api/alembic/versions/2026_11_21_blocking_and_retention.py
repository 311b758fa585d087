"""Why data is blocked, runs of retention, and texts that may be anonymised."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import all_rows, enable_tenant_isolation

revision = "crm_017"
down_revision = "crm_016"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
BLOCKS = {
    "reason_sealed": sa.LargeBinary(),
    "privacy_request_id": sa.Uuid(),
    "lift_reason_sealed": sa.LargeBinary(),
}


def upgrade() -> None:
    """A new table, columns without a default, and a grant: each waits for nobody."""
    for name, kind in BLOCKS.items():
        op.add_column("processing_blocks", sa.Column(name, kind, nullable=True), schema=SCHEMA)
    _allow_modes(("erasure", "replay", "anonymization"))
    # A revision stays as what was said; identifiers are taken out of it.
    op.execute("GRANT UPDATE (body) ON crm.message_revisions TO cogep_app")
    _create_runs()
    enable_tenant_isolation(op, SCHEMA, "retention_runs", verbs=("SELECT", "INSERT", "UPDATE"))


def downgrade() -> None:
    """Blocks stand; why is forgotten. What was anonymised went as if it had been erased."""
    with all_rows(op, SCHEMA, "erasures"):
        op.execute("UPDATE crm.erasures SET mode = 'erasure' WHERE mode = 'anonymization'")
    _allow_modes(("erasure", "replay"))
    op.drop_table("retention_runs", schema=SCHEMA)
    op.execute("REVOKE UPDATE (body) ON crm.message_revisions FROM cogep_app")
    for name in BLOCKS:
        op.drop_column("processing_blocks", name, schema=SCHEMA)


def _allow_modes(modes: tuple[str, ...]) -> None:
    """The table came with the revision before the last: it is as good as empty."""
    allowed = ", ".join(f"'{mode}'" for mode in modes)
    op.execute("ALTER TABLE crm.erasures DROP CONSTRAINT ck_erasures_mode")
    op.execute(
        f"ALTER TABLE crm.erasures ADD CONSTRAINT ck_erasures_mode CHECK (mode IN ({allowed}))"
    )


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default="0")


def _create_runs() -> None:
    op.create_table(
        "retention_runs",
        _uuid("id", key=True),
        _uuid("organization_id"),
        sa.Column("day", sa.Date(), nullable=True),
        _uuid("requested_by", nullable=True),
        sa.Column("correlation_id", sa.Text(), nullable=False),
        _instant("started_at"),
        _instant("finished_at", nullable=True),
        _uuid("after_client_id", nullable=True),
        _number("clients"),
        _number("due"),
        _number("deleted"),
        _number("anonymized"),
        _number("held"),
        _number("under_way"),
        _number("failed"),
        sa.Column("purposes", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.Column(
            "errors", ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'::text[]")
        ),
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "day"),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_retention_runs_unfinished",
        "retention_runs",
        ["organization_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    op.create_index(
        "ix_retention_runs_started_at",
        "retention_runs",
        ["organization_id", "started_at", "id"],
        schema=SCHEMA,
    )
