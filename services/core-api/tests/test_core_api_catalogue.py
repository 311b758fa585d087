"""What the catalogue says about tenancy, over every schema of the database."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from core_api_factories import Person, make_client, make_consent, make_purpose, make_ticket

from devstack.people import AURORA, BOREAL
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, clone_database, urls_of

SERVICE = Path(__file__).parents[1]

TENANT_TABLES = """
SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relrowsecurity, c.relforcerowsecurity,
  c.relispartition
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg_%' AND n.nspname NOT LIKE '%_test'
ORDER BY 2
"""


@pytest.fixture
async def catalogue(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


@pytest.fixture
def spare(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A migrated database of this test's own."""
    name = f"{database_urls.name}_core_spare"
    clone_database(postgres, name)
    yield urls_of(postgres, name)
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


async def test_there_are_tenant_tables_to_look_at(catalogue: asyncpg.Connection) -> None:
    names = {row["name"] for row in await catalogue.fetch(TENANT_TABLES)}

    assert {"crm.clients", "crm.organizations", "crm.outbox", "crm.audit_events"} <= names


async def test_row_level_security_is_enabled_and_forced(catalogue: asyncpg.Connection) -> None:
    tables = await catalogue.fetch(TENANT_TABLES)

    open_tables = [
        row["name"] for row in tables if not (row["relrowsecurity"] and row["relforcerowsecurity"])
    ]
    assert open_tables == []


async def test_policy_binds_reading_and_writing_to_the_tenant(
    catalogue: asyncpg.Connection,
) -> None:
    policies = await catalogue.fetch(
        """
        SELECT polrelid, pg_get_expr(polqual, polrelid) AS seen,
               pg_get_expr(polwithcheck, polrelid) AS written,
               polcmd = '*' AND polpermissive AS binding
        FROM pg_policy WHERE polname = 'tenant'
        """
    )
    bound = {
        row["polrelid"]
        for row in policies
        if row["binding"]
        and all(
            part in (expression or "")
            for expression in (row["seen"], row["written"])
            for part in ("organization_id = ", "current_setting('app.organization_id'")
        )
    }

    tables = await catalogue.fetch(TENANT_TABLES)
    assert [row["name"] for row in tables if row["oid"] not in bound] == []


async def test_no_other_policy_opens_a_table_to_the_application(
    catalogue: asyncpg.Connection,
) -> None:
    others = await catalogue.fetch(
        """
        SELECT polrelid::regclass::text AS name FROM pg_policy
        WHERE polname <> 'tenant'
          AND polroles && ARRAY[0, 'cogep_app'::regrole::oid]
          AND NOT EXISTS (
            SELECT FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
            WHERE c.oid = polrelid AND n.nspname LIKE '%_test')
        """
    )

    assert [row["name"] for row in others] == []


async def test_foreign_keys_between_tenant_tables_carry_the_tenant(
    catalogue: asyncpg.Connection,
) -> None:
    loose = await catalogue.fetch(
        f"""
        WITH tenants AS ({TENANT_TABLES})
        SELECT k.conname FROM pg_constraint k
        WHERE k.contype = 'f'
          AND k.conrelid IN (SELECT oid FROM tenants)
          AND k.confrelid IN (SELECT oid FROM tenants)
          AND NOT EXISTS (
            SELECT FROM unnest(k.conkey, k.confkey) AS pair(here, there)
            JOIN pg_attribute h ON h.attrelid = k.conrelid AND h.attnum = pair.here
            JOIN pg_attribute t ON t.attrelid = k.confrelid AND t.attnum = pair.there
            WHERE h.attname = 'organization_id' AND t.attname = 'organization_id')
        """
    )

    assert [row["conname"] for row in loose] == []


async def test_services_own_nothing_and_bypass_nothing(catalogue: asyncpg.Connection) -> None:
    roles = await catalogue.fetch(
        """
        SELECT rolname FROM pg_roles r WHERE rolname IN ('cogep_app', 'cogep_worker')
          AND (rolsuper OR rolbypassrls OR rolcreaterole OR EXISTS (
            SELECT FROM pg_class c WHERE c.relowner = r.oid))
        """
    )

    assert roles == []


@pytest.mark.committed
async def test_without_a_tenant_there_are_no_rows(
    ana: Person, beto: Person, database_urls: DatabaseUrls, catalogue: asyncpg.Connection
) -> None:
    for person in (ana, beto):
        client = await make_client(person)
        await make_ticket(person, client["id"])
        await make_purpose(person)
        await make_consent(person, client["id"])
    # The app role has no way to a partition but through its whole table.
    found = await catalogue.fetch(TENANT_TABLES)
    tables = [row["name"] for row in found if not row["relispartition"]]
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))

    counts = {table: await app.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
    await app.close()

    assert set(counts.values()) == {0}
    assert await catalogue.fetchval("SELECT count(*) FROM crm.clients") == 2


@pytest.mark.committed
async def test_row_of_another_organization_cannot_be_written(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await make_client(ana)
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    tenant = "SELECT set_config('app.organization_id', $1, true)"
    stolen = "UPDATE crm.clients SET organization_id = $1"
    theirs = "INSERT INTO crm.ticket_counters (organization_id, last_number) VALUES ($1, 1)"
    for statement in (stolen, theirs):
        transaction = app.transaction()
        await transaction.start()
        await app.execute(tenant, str(AURORA.id))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement, BOREAL.id)
        await transaction.rollback()
    await app.close()


def _alembic(urls: DatabaseUrls, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=SERVICE,
        env=os.environ | {"DATABASE_OWNER_URL": urls.owner},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def _left(urls: DatabaseUrls) -> list[Any]:
    connection = await asyncpg.connect(urls.superuser)
    rows = await connection.fetch(
        """
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'crm'::regnamespace AND relkind = 'r'
        UNION SELECT proname FROM pg_proc WHERE pronamespace = 'crm'::regnamespace
        """
    )
    await connection.close()
    return [row["name"] for row in rows]


async def test_migrations_go_down_without_a_trace_up_again_and_match_the_models(
    spare: DatabaseUrls,
) -> None:
    _alembic(spare, "downgrade", "base")
    assert await _left(spare) == ["alembic_version"]
    _alembic(spare, "upgrade", "head")

    assert "No new upgrade operations" in _alembic(spare, "check")
