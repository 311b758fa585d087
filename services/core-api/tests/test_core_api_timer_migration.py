"""What the migration of timers does to those there are: grouped as their tickets, while in use."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from devstack.people import AURORA, BOREAL
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, clone_database, urls_of

SERVICE = Path(__file__).parents[1]
TICKETS: Final = 1_100
"""More than a batch holds."""
OPENED: Final = """
WITH one AS (
  INSERT INTO crm.clients (id, organization_id, kind, name, tags)
  VALUES (gen_random_uuid(), $1, 'person', 'Júlia', '{}') RETURNING id
), who AS (
  INSERT INTO crm.members (organization_id, id, email, name, roles, last_seen_at)
  VALUES ($1, $2, 'b@example.com', 'Bruno', '{agent}', now()) RETURNING id
), about AS (
  INSERT INTO crm.ticket_categories (id, organization_id, name, path)
  VALUES ($3, $1, 'IPTU', 'iptu/') RETURNING id
)
INSERT INTO crm.tickets (id, organization_id, number, client_id, subject, description, priority,
  channel, status, tags, created_by, assignee_id, category_id)
SELECT gen_random_uuid(), $1, number, one.id, 'Poda', '', 'high', 'web', 'open', '{}', who.id,
  CASE WHEN number % 2 = 0 THEN who.id END, CASE WHEN number % 3 = 0 THEN about.id END
FROM one, who, about, generate_series(1, $4) AS number
"""
TIMED: Final = """
INSERT INTO crm.sla_timers (id, organization_id, ticket_id, metric, run, state, target_seconds,
  started_at, level, counted_at, elapsed_seconds, elapsed_business_seconds,
  elapsed_calendar_seconds)
SELECT gen_random_uuid(), organization_id, id, metric, 1, 'running', 60, now(), 0, now(), 0, 0, 0
FROM crm.tickets, unnest('{first_response,resolution}'::text[]) AS metric
"""
LEFT_BEHIND: Final = """
SELECT count(*) FROM crm.sla_timers s JOIN crm.tickets t ON t.id = s.ticket_id
WHERE (s.team_id, s.assignee_id, s.category_id, s.priority)
  IS DISTINCT FROM (t.team_id, t.assignee_id, t.category_id, t.priority)
"""


@pytest.fixture
def before(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A database of this test's own, as the release before left it."""
    name = f"{database_urls.name}_timer_migration"
    clone_database(postgres, name)
    urls = urls_of(postgres, name)
    down = alembic(urls, "downgrade", "crm_009")
    assert down.returncode == 0, down.stderr
    yield urls
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def alembic(urls: DatabaseUrls, *arguments: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=SERVICE,
        env=os.environ | {"DATABASE_OWNER_URL": urls.owner},
        capture_output=True,
        text=True,
        check=False,
    )


async def filled(connection: asyncpg.Connection) -> None:
    """Two organizations with timers that know nothing of their tickets' groups."""
    for organization, share in ((AURORA, 1), (BOREAL, 10)):
        await connection.execute(
            "INSERT INTO crm.organizations (organization_id, slug, name) VALUES ($1, $2, $2)",
            organization.id,
            organization.slug,
        )
        member, category = (UUID(int=organization.id.int + each) for each in (0x100, 0x200))
        count = TICKETS // share
        await connection.execute(OPENED, organization.id, member, category, count)
    await connection.execute(TIMED)


async def test_timers_are_grouped_as_their_tickets_and_go_back(before: DatabaseUrls) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        await filled(connection)
        up = alembic(before, "upgrade", "crm_010")
        left = await connection.fetchval(LEFT_BEHIND)
        grouped = "SELECT count(*) FROM crm.sla_timers WHERE assignee_id IS NOT NULL"
        some = await connection.fetchval(grouped)
        policies = await connection.fetch("SELECT FROM pg_policy WHERE polname = 'migration'")
        down = alembic(before, "downgrade", "crm_009")
        # What the release before does, without the columns or triggers.
        await connection.execute("UPDATE crm.tickets SET priority = 'low' WHERE number < 10")
        again = alembic(before, "upgrade", "crm_010")
        left_again = await connection.fetchval(LEFT_BEHIND)
    finally:
        await connection.close()

    assert (up.returncode, down.returncode, again.returncode) == (0, 0, 0), up.stderr
    assert (left, left_again, policies) == (0, 0, [])
    assert some == TICKETS + TICKETS // 10, "every second ticket, two timers each"


async def test_stopped_halfway_it_goes_on_and_misses_no_change_between(
    before: DatabaseUrls,
) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        await filled(connection)
        last = await connection.fetchval("SELECT max(id::text)::uuid FROM crm.tickets")
        # The last timers cannot be written: the batches before them stay done.
        await connection.execute(
            "CREATE FUNCTION crm.stop() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'stop'; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER stop BEFORE UPDATE ON crm.sla_timers FOR EACH ROW"
            f" WHEN (OLD.ticket_id = '{last}') EXECUTE FUNCTION crm.stop()"
        )
        stopped = alembic(before, "upgrade", "crm_010")
        halfway = await connection.fetchval(LEFT_BEHIND)
        await connection.execute("DROP TRIGGER stop ON crm.sla_timers; DROP FUNCTION crm.stop()")
        # The release before goes on meanwhile, and passes through the triggers.
        await connection.execute(
            "UPDATE crm.tickets SET priority = 'urgent', assignee_id = NULL"
            " WHERE id IN (SELECT id FROM crm.tickets ORDER BY id LIMIT 10)"
        )
        changed = await connection.fetchval(LEFT_BEHIND)
        again = alembic(before, "upgrade", "crm_010")
        left = await connection.fetchval(LEFT_BEHIND)
    finally:
        await connection.close()

    assert (stopped.returncode, again.returncode) == (1, 0), again.stderr
    assert 0 < halfway < 2 * TICKETS
    assert (changed, left) == (halfway, 0)
