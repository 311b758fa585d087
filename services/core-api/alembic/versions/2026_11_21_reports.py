"""What reports need to be fast: indexes that hold everything a report reads.

Measured at 500,000 tickets: from them a report is counted without touching a row, and times in
business hours without joining tickets to their timers.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import all_rows, hold_off_vacuum

revision = "crm_009"
down_revision = "crm_008"
branch_labels = None
depends_on = None

SCHEMA = "crm"
BATCH = 1_000
# What the timers of a ticket measured, carried to the ticket as its due time is.
MEASURED = ("first_response_business_seconds", "resolution_business_seconds")
OF_TICKET = ["team_id", "assignee_id", "category_id", "priority"]
INDEXES = {
    "ix_tickets_opened": (
        "tickets",
        "created_at",
        [
            *("id", "first_replied_at", "first_response_business_seconds", "merged_into_id"),
            *OF_TICKET,
        ],
        None,
    ),
    "ix_tickets_resolved": (
        "tickets",
        "resolved_at",
        ["created_at", "resolution_business_seconds", *OF_TICKET],
        "resolved_at IS NOT NULL AND merged_into_id IS NULL",
    ),
    "ix_sla_timers_reports": (
        "sla_timers",
        "metric, started_at",
        ["ticket_id", "state", "breached_at", "target_seconds"],
        None,
    ),
}
SUPERSEDED = "ix_sla_timers_started_at"
MEASURE = """
UPDATE crm.tickets t SET
  first_response_business_seconds = m.first_response, resolution_business_seconds = m.resolution
FROM (
  SELECT s.organization_id, s.ticket_id,
    min(s.elapsed_business_seconds) FILTER (WHERE s.metric = 'first_response') AS first_response,
    min(s.elapsed_business_seconds) FILTER (WHERE s.metric = 'resolution') AS resolution
  FROM crm.tickets t JOIN crm.sla_timers s
    ON s.organization_id = t.organization_id AND s.ticket_id = t.id
  WHERE t.id BETWEEN :low AND :high AND s.state = 'stopped' AND s.metric <> 'next_response'
  GROUP BY s.organization_id, s.ticket_id
) m
WHERE t.organization_id = m.organization_id AND t.id = m.ticket_id
"""


def upgrade() -> None:
    """Beside the traffic; stopped halfway, what is unfinished is built anew."""
    hold_off_vacuum(op, SCHEMA, "tickets")
    for name in MEASURED:
        op.execute(f"ALTER TABLE crm.tickets ADD COLUMN IF NOT EXISTS {name} integer")
    with op.get_context().autocommit_block():
        _fill()
        for name, (table, columns, included, where) in INDEXES.items():
            op.drop_index(name, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)
            op.create_index(
                name,
                table,
                ["organization_id", *columns.split(", ")],
                schema=SCHEMA,
                postgresql_concurrently=True,
                if_not_exists=True,
                postgresql_include=included,
                postgresql_where=sa.text(where) if where else None,
            )
        op.drop_index(SUPERSEDED, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)


def downgrade() -> None:
    """Reports are slower without them."""
    with op.get_context().autocommit_block():
        op.create_index(
            SUPERSEDED,
            "sla_timers",
            ["organization_id", "metric", "started_at"],
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        for name in INDEXES:
            op.drop_index(name, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)
    for name in MEASURED:
        op.execute(f"ALTER TABLE crm.tickets DROP COLUMN IF EXISTS {name}")


def _fill() -> None:
    """In batches that commit, before the indexes are there to be kept up to date."""
    with all_rows(op, SCHEMA, "sla_timers", "tickets"):
        if not op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM crm.sla_timers)")):
            return
        last: str | None = "00000000-0000-0000-0000-000000000000"
        while last is not None:
            last = _batch_after(last)


def _batch_after(first: str) -> str | None:
    """One batch in id order; the id it ended with, or None at the end."""
    connection = op.get_bind()
    ids = sa.text("SELECT id FROM crm.tickets WHERE id > :first ORDER BY id LIMIT :batch")
    batch = connection.execute(ids, {"first": first, "batch": BATCH}).scalars().all()
    if not batch:
        return None
    connection.execute(sa.text(MEASURE), {"low": batch[0], "high": batch[-1]})
    return str(batch[-1])
