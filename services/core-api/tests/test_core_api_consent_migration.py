"""What the migrations do to consents there are: each becomes one link, whenever it was stopped."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from core_api.modules.consents.verifying import Broken, verify_ledger
from core_api.schema import SCHEMA
from devstack.people import AURORA, BOREAL
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, clone_database, urls_of
from shared_schemas.ids import OrganizationId

SERVICE = Path(__file__).parents[1]
CONSENTS: Final = 1_200
"""More than a batch holds."""
DECIDED: Final = """
WITH one AS (
  INSERT INTO crm.clients (id, organization_id, kind, name, tags)
  VALUES (gen_random_uuid(), $1, 'person', 'Júlia', '{}') RETURNING id
), what AS (
  INSERT INTO crm.consent_purposes
    (id, organization_id, code, name, description, legal_basis, notice_version)
  VALUES (gen_random_uuid(), $1, 'novidades', 'Novidades', 'Enviar.', 'consent', 1) RETURNING id
), notice AS (
  INSERT INTO crm.consent_notices
    (id, organization_id, purpose_id, version, locale, text, sha256, published_by)
  SELECT gen_random_uuid(), $1, id, 1, 'pt-BR', 'Texto.',
    encode(sha256('Texto.'), 'hex'), gen_random_uuid() FROM what RETURNING purpose_id, sha256
)
INSERT INTO crm.consents (id, organization_id, client_id, purpose_id, notice_version,
  notice_sha256, locale, decision, channel, decided_at, recorded_by)
SELECT gen_random_uuid(), $1, one.id, notice.purpose_id, 1, notice.sha256, 'pt-BR', 'granted',
  'phone', now() - number * interval '1 second', gen_random_uuid()
FROM one, notice, generate_series(1, $2) AS number
"""
REVOKED: Final = """
INSERT INTO crm.consent_revocations (id, organization_id, consent_id, revoked_at, recorded_by)
SELECT gen_random_uuid(), organization_id, id, now(), gen_random_uuid() FROM crm.consents LIMIT 100
"""


@pytest.fixture
def before(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A database of this test's own, as the release before left it."""
    name = f"{database_urls.name}_consent_migration"
    clone_database(postgres, name)
    urls = urls_of(postgres, name)
    down = alembic(urls, "downgrade", "crm_010")
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
    """Two organizations with consents, and a hundred revocations."""
    for organization, share in ((AURORA, 1), (BOREAL, 10)):
        await connection.execute(
            "INSERT INTO crm.organizations (organization_id, slug, name) VALUES ($1, $2, $2)",
            organization.id,
            organization.slug,
        )
        await connection.execute(DECIDED, organization.id, CONSENTS // share)
    await connection.execute(REVOKED)


async def verified(urls: DatabaseUrls) -> list[tuple[int, Broken | None]]:
    """Both ledgers as core-api finds them: how many links, and what is broken."""
    settings = DatabaseSettings.model_validate({"url": urls.app, "worker_url": urls.worker})
    database = Database(settings, schema=SCHEMA, application_name="migration test")
    found = []
    for each in (AURORA, BOREAL):
        tenant = OrganizationId(each.id)
        async with database.transaction(tenant, read_only=True) as session:
            walk, broken = await verify_ledger(session, tenant, {})
        found.append((walk.sequence, broken))
    await database.close()
    return found


async def test_every_receipt_becomes_a_link_and_goes_back(before: DatabaseUrls) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        await filled(connection)
        up = alembic(before, "upgrade", "head")
        found = await verified(before)
        policies = await connection.fetch("SELECT FROM pg_policy WHERE polname = 'migration'")
        down = alembic(before, "downgrade", "crm_010")
        again = alembic(before, "upgrade", "head")
        found_again = await verified(before)
        entry = await connection.fetchval("SELECT entry FROM crm.consent_ledger LIMIT 1")
    finally:
        await connection.close()

    assert (up.returncode, down.returncode, again.returncode) == (0, 0, 0), up.stderr
    assert sum(links for links, _ in found) == CONSENTS + CONSENTS // 10 + 100 + 2
    assert [broken for _, broken in found + found_again] == [None] * 4
    assert policies == []
    assert "Júlia" not in entry
    assert json.loads(entry)["kind"] in {"notice.published", "consent.granted", "consent.revoked"}


async def test_stopped_halfway_it_goes_on_where_it_was(before: DatabaseUrls) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        await filled(connection)
        schema = alembic(before, "upgrade", "crm_011")
        # The second batch cannot be written: the first stays entered.
        await connection.execute(
            "CREATE FUNCTION crm.stop() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'stop'; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON crm.consent_ledger FOR EACH ROW"
            " WHEN (NEW.sequence = 1100) EXECUTE FUNCTION crm.stop()"
        )
        stopped = alembic(before, "upgrade", "head")
        halfway = await connection.fetchval("SELECT count(*) FROM crm.consent_ledger")
        await connection.execute(
            "DROP TRIGGER stop ON crm.consent_ledger; DROP FUNCTION crm.stop()"
        )
        again = alembic(before, "upgrade", "head")
        found = await verified(before)
    finally:
        await connection.close()

    assert (schema.returncode, stopped.returncode, again.returncode) == (0, 1, 0), again.stderr
    assert halfway == 1_000
    assert [broken for _, broken in found] == [None, None]
