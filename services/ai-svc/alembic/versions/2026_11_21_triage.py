"""Triage of new tickets: what waits becomes a queue, and says what came of it."""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import allow_worker

revision = "ai_016"
down_revision = "ai_015"
branch_labels = None
depends_on = None

SCHEMA = "ai"
JOB_STATES = ("pending", "processing", "succeeded", "failed", "cancelled")
WAITING = ("waiting",)
STATUSES = ("waiting", "proposed", "applied", "passed_over")
BECAUSE = ("off", "blocked", "done", "gone", "not_allowed")
# Constant defaults: no row is written.
COLUMNS = {
    "state": "text NOT NULL DEFAULT 'pending'",
    "priority": "smallint NOT NULL DEFAULT 100",
    "attempts": "smallint NOT NULL DEFAULT 0",
    "max_attempts": "smallint NOT NULL DEFAULT 5",
    "run_at": "timestamptz NOT NULL DEFAULT now()",
    "lease_token": "bigint NOT NULL DEFAULT 0",
    "leased_by": "text",
    "lease_expires_at": "timestamptz",
    "stage": "text",
    "percent": "smallint NOT NULL DEFAULT 0",
    "error_code": "text",
    "error_message": "text",
    "finished_at": "timestamptz",
    "because": "text",
    "correlation_id": "text",
    "traceparent": "text",
}
INDEXES = {
    "ix_triages_organization_id_priority_run_at_id": (
        ["organization_id", "priority", "run_at", "id"],
        "state = 'pending'",
    ),
    "ix_triages_organization_id_lease_expires_at": (
        ["organization_id", "lease_expires_at"],
        "state = 'processing'",
    ),
    "ix_triages_finished_at": (["finished_at"], "finished_at IS NOT NULL"),
}


def upgrade() -> None:
    """Tickets that have waited so far are due at once."""
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE ai.triages ADD COLUMN {name} {kind}")
    op.execute("ALTER TABLE ai.triages ALTER COLUMN status SET DEFAULT 'waiting'")
    _check("state", JOB_STATES)
    _check("because", BECAUSE)
    op.drop_constraint("ck_triages_status", "triages", schema=SCHEMA)
    _check("status", STATUSES)
    allow_worker(op, SCHEMA, "triages", ("SELECT", "UPDATE"))
    with op.get_context().autocommit_block():
        for name in ("state", "because", "status"):
            op.execute(f"ALTER TABLE ai.triages VALIDATE CONSTRAINT ck_triages_{name}")
        for name, (columns, condition) in INDEXES.items():
            op.create_index(
                name,
                "triages",
                columns,
                schema=SCHEMA,
                postgresql_concurrently=True,
                if_not_exists=True,
                postgresql_where=sa.text(condition),
            )


def downgrade() -> None:
    """What was triaged waits again; core-api knows it and nothing happens."""
    op.execute("DROP POLICY worker ON ai.triages")
    op.execute("REVOKE ALL ON ai.triages FROM cogep_worker")
    op.drop_constraint("ck_triages_status", "triages", schema=SCHEMA)
    op.execute("CREATE POLICY migration ON ai.triages TO cogep_owner USING (true)")
    op.execute("UPDATE ai.triages SET status = 'waiting'")
    op.execute("DROP POLICY migration ON ai.triages")
    _check("status", WAITING)
    op.execute("ALTER TABLE ai.triages ALTER COLUMN status DROP DEFAULT")
    for name in reversed(COLUMNS):
        op.drop_column("triages", name, schema=SCHEMA)


def _check(column: str, values: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{value}'" for value in values)
    op.execute(
        f"ALTER TABLE ai.triages ADD CONSTRAINT ck_triages_{column}"
        f" CHECK ({column} IN ({allowed})) NOT VALID"
    )
