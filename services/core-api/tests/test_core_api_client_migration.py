"""What the migration of clients does to those that are there: sealed, found, and back again."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import generated_cpf, generated_key

from chassis.security.sealing import Vault
from chassis.settings import SealingSettings
from core_api.modules.clients import documents
from devstack.people import AURORA, BOREAL
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, clone_database, urls_of
from shared_schemas.ids import new_id

SERVICE = Path(__file__).parents[1]
KEYS = SealingSettings(keys={1: generated_key(1)}, current=1, index_key=generated_key(3))
VARIABLES = {
    "FIELD_KEYS": f'{{"1": "{generated_key(1).get_secret_value()}"}}',
    "FIELD_KEY_CURRENT": "1",
    "BLIND_INDEX_KEY": generated_key(3).get_secret_value(),
}
INSERT = """
INSERT INTO crm.clients (id, organization_id, kind, name, email, phone, document, tags, version)
VALUES ($1, $2, 'person', 'Júlia', $3, $4, $5, '{vip,novo}', 3)
"""


@pytest.fixture
def before(postgres: RunningPostgres, database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """A database of this test's own, as the release before left it."""
    name = f"{database_urls.name}_client_migration"
    clone_database(postgres, name)
    urls = urls_of(postgres, name)
    assert alembic(urls, "downgrade", "crm_001").returncode == 0
    yield urls
    postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def alembic(urls: DatabaseUrls, *arguments: str, **variables: str) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=SERVICE,
        env=os.environ | {"DATABASE_OWNER_URL": urls.owner} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


async def inserted(connection: asyncpg.Connection) -> list[UUID]:
    """Clients of two organizations, more than a batch holds."""
    rows = [
        (new_id(), AURORA.id, "a@example.com", "11987654321", generated_cpf(1)),
        (new_id(), BOREAL.id, None, "33334444", generated_cpf(2)),
        (new_id(), AURORA.id, "b@example.com", None, None),
        *((new_id(), AURORA.id, None, None, generated_cpf(seed)) for seed in range(4, 1100)),
    ]
    await connection.executemany(INSERT, rows)
    return [row[0] for row in rows]


async def test_existing_clients_are_sealed_and_go_back(before: DatabaseUrls) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        ids = await inserted(connection)
        up = alembic(before, "upgrade", "crm_002", **VARIABLES)
        assert up.returncode == 0, up.stderr
        vault = Vault(KEYS)
        rows = [await connection.fetchrow("SELECT * FROM crm.clients WHERE id=$1", i) for i in ids]
        for seed, row in enumerate(rows, start=1):
            number = None if row["document_sealed"] is None else generated_cpf(seed)
            assert documents.opened(vault, row_as(row)) == number
            if number:
                found_by = documents.index_of(vault, row["organization_id"], number)
                assert row["document_index"] == found_by
        assert rows[2]["document_sealed"] is None
        assert {row["document"] for row in rows} == {None}
        assert {row["version"] for row in rows} == {3}
        assert [row["phone"] for row in rows[:3]] == ["+5511987654321", "33334444", None]
        assert rows[0]["emails"] == (
            '[{"label": null, "address": "a@example.com", "primary": true}]'
        )
        facets = await connection.fetch("SELECT name, value, client_id FROM crm.client_facets")
        assert sorted((f["name"], f["value"]) for f in facets if f["client_id"] == ids[0]) == [
            ("tag", "novo"),
            ("tag", "vip"),
        ]
        assert len(facets) == 2 * len(ids)
        policies = await connection.fetch("SELECT FROM pg_policy WHERE polname = 'migration'")
        assert policies == []

        down = alembic(before, "downgrade", "crm_001", **VARIABLES)
        assert down.returncode == 0, down.stderr
        back = [
            await connection.fetchval("SELECT document FROM crm.clients WHERE id = $1", i)
            for i in ids
        ]
        assert back == [
            None if seed == 3 else generated_cpf(seed) for seed in range(1, len(ids) + 1)
        ]
    finally:
        await connection.close()


async def test_without_keys_it_stops_in_one_line_before_anything_changes(
    before: DatabaseUrls,
) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        await inserted(connection)
        stopped = alembic(before, "upgrade", "crm_002", FIELD_KEYS="", BLIND_INDEX_KEY="")
        columns = await connection.fetch(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'crm' AND table_name = 'clients'"
        )
    finally:
        await connection.close()

    assert stopped.returncode == 2
    assert "configuration error: FIELD_KEYS is missing; BLIND_INDEX_KEY is missing" in (
        stopped.stderr
    )
    assert "document_sealed" not in {row["column_name"] for row in columns}


async def test_stopped_halfway_it_goes_on(before: DatabaseUrls) -> None:
    connection = await asyncpg.connect(before.superuser)
    try:
        ids = await inserted(connection)
        # The last row cannot be written: the batches before it stay done.
        await connection.execute(
            "CREATE FUNCTION crm.stop() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'stop'; END $$"
        )
        await connection.execute(
            "CREATE TRIGGER stop BEFORE UPDATE ON crm.clients FOR EACH ROW"
            f" WHEN (OLD.id = '{ids[-1]}') EXECUTE FUNCTION crm.stop()"
        )
        stopped = alembic(before, "upgrade", "crm_002", **VARIABLES)
        sealed = "SELECT count(*) FROM crm.clients WHERE document_sealed IS NOT NULL"
        halfway = await connection.fetchval(sealed)
        await connection.execute("DROP TRIGGER stop ON crm.clients; DROP FUNCTION crm.stop()")
        again = alembic(before, "upgrade", "crm_002", **VARIABLES)
        done = await connection.fetchval(sealed)
    finally:
        await connection.close()

    assert (stopped.returncode, again.returncode) == (1, 0), again.stderr
    assert 0 < halfway < done == len(ids) - 1


def row_as(record: asyncpg.Record) -> Any:
    """Its columns as attributes."""
    return type("Row", (), dict(record))
