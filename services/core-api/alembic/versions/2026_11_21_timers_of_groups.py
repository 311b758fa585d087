"""Timers carry what reports of service levels group by, so that none joins them to their tickets.

Online: columns without default, triggers that keep them before the rows that are there are filled
in batches, the index beside the traffic. Replicas of the release before write through the same
triggers; their reports lose their index at the very end.
"""

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import all_rows, hold_off_vacuum

revision = "crm_010"
down_revision = "crm_009"
branch_labels = None
depends_on = None

SCHEMA = "crm"
BATCH = 1_000
GROUPS = {"team_id": "uuid", "assignee_id": "uuid", "category_id": "uuid", "priority": "text"}
INDEX = "ix_sla_timers_compliance"
SUPERSEDED = "ix_sla_timers_reports"
KEYS = ["organization_id", "metric", "started_at"]
# A timer without a target cannot be kept; what was given up in time was neither kept nor broken.
COUNTED = "target_seconds IS NOT NULL AND (state <> 'cancelled' OR breached_at IS NOT NULL)"

# Triggers, so that no writer can forget it. Whoever inserts a timer or changes a ticket has locked
# the ticket: the two never overtake each other.
OF_TIMER = """
CREATE OR REPLACE FUNCTION crm.group_timer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT t.team_id, t.assignee_id, t.category_id, t.priority
    INTO NEW.team_id, NEW.assignee_id, NEW.category_id, NEW.priority
    FROM crm.tickets t
    WHERE t.organization_id = NEW.organization_id AND t.id = NEW.ticket_id;
  RETURN NEW;
END $$
"""
ON_INSERT = """
CREATE OR REPLACE TRIGGER group_new BEFORE INSERT ON crm.sla_timers
FOR EACH ROW EXECUTE FUNCTION crm.group_timer()
"""
OF_TICKET = """
CREATE OR REPLACE FUNCTION crm.group_timers_of_ticket() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE crm.sla_timers SET team_id = NEW.team_id, assignee_id = NEW.assignee_id,
    category_id = NEW.category_id, priority = NEW.priority
    WHERE organization_id = NEW.organization_id AND ticket_id = NEW.id;
  RETURN NULL;
END $$
"""
ON_UPDATE = """
CREATE OR REPLACE TRIGGER group_timers AFTER UPDATE OF team_id, assignee_id, category_id, priority
ON crm.tickets FOR EACH ROW
WHEN ((OLD.team_id, OLD.assignee_id, OLD.category_id, OLD.priority)
  IS DISTINCT FROM (NEW.team_id, NEW.assignee_id, NEW.category_id, NEW.priority))
EXECUTE FUNCTION crm.group_timers_of_ticket()
"""
# The tickets are locked, as by everybody who writes their timers: what was read of them holds.
FILL = """
WITH t AS MATERIALIZED (
  SELECT organization_id, id, team_id, assignee_id, category_id, priority FROM crm.tickets
  WHERE id BETWEEN :low AND :high ORDER BY id FOR SHARE
)
UPDATE crm.sla_timers s SET team_id = t.team_id, assignee_id = t.assignee_id,
  category_id = t.category_id, priority = t.priority
FROM t
WHERE s.organization_id = t.organization_id AND s.ticket_id = t.id
  AND (s.team_id, s.assignee_id, s.category_id, s.priority)
    IS DISTINCT FROM (t.team_id, t.assignee_id, t.category_id, t.priority)
"""


def upgrade() -> None:
    """Each lock by itself: who writes holds tickets and timers at once. Stopped halfway, it goes
    on where it was."""
    hold_off_vacuum(op, SCHEMA, "sla_timers")
    columns = (f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in GROUPS.items())
    op.execute(f"ALTER TABLE crm.sla_timers {', '.join(columns)}")
    with op.get_context().autocommit_block():
        for statement in (OF_TIMER, ON_INSERT, OF_TICKET, ON_UPDATE):
            op.execute(statement)
        _fill()
        # What autovacuum would do in its time: until then no report is counted from an index alone.
        # Without giving pages back, for which it would lock readers out.
        op.execute("VACUUM (ANALYZE, TRUNCATE false) crm.sla_timers")
        op.drop_index(INDEX, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)
        op.create_index(
            INDEX,
            "sla_timers",
            KEYS,
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_include=["state", "breached_at", *GROUPS],
            postgresql_where=sa.text(COUNTED),
        )
        op.drop_index(SUPERSEDED, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)


def downgrade() -> None:
    """Reports ask the tickets again."""
    with op.get_context().autocommit_block():
        op.create_index(
            SUPERSEDED,
            "sla_timers",
            KEYS,
            schema=SCHEMA,
            postgresql_concurrently=True,
            if_not_exists=True,
            postgresql_include=["ticket_id", "state", "breached_at", "target_seconds"],
        )
        op.drop_index(INDEX, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)
        op.execute("DROP TRIGGER IF EXISTS group_timers ON crm.tickets")
        op.execute("DROP TRIGGER IF EXISTS group_new ON crm.sla_timers")
        op.execute("DROP FUNCTION IF EXISTS crm.group_timers_of_ticket()")
        op.execute("DROP FUNCTION IF EXISTS crm.group_timer()")
    columns = (f"DROP COLUMN IF EXISTS {name}" for name in GROUPS)
    op.execute(f"ALTER TABLE crm.sla_timers {', '.join(columns)}")


def _fill() -> None:
    """In batches that commit, in the order of ids, before the index is there to be kept up."""
    with all_rows(op, SCHEMA, "sla_timers", "tickets"):
        if not op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM crm.sla_timers)")):
            return
        last: str | None = "00000000-0000-0000-0000-000000000000"
        while last is not None:
            last = _batch_after(last)


def _batch_after(first: str) -> str | None:
    """One batch; the id it ended with, or None at the end."""
    connection = op.get_bind()
    ids = sa.text("SELECT id FROM crm.tickets WHERE id > :first ORDER BY id LIMIT :batch")
    batch = connection.execute(ids, {"first": first, "batch": BATCH}).scalars().all()
    if not batch:
        return None
    connection.execute(sa.text(FILL), {"low": batch[0], "high": batch[-1]})
    return str(batch[-1])
