"""Migrations: up, down, up again, clean under `alembic check`, and isolated in every table."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from alembic.config import Config
from chassis_data_schema import SCHEMA, TenantThing

from alembic import command
from chassis.data.database import Database
from chassis.data.migrations import head_revision_is_applied
from chassis.settings import DatabaseSettings
from devstack.testing import DatabaseUrls

pytestmark = pytest.mark.committed

ENV = """
from chassis.data.migrations import run_env
from chassis_data_schema import migrated_metadata

run_env(migrated_metadata(), "chassis_migrated")
"""
FIRST = """
from alembic import op
from chassis_data_schema import SCHEMA, downgrade as down, upgrade as up

revision = "2026_01_01_first"
down_revision = None


def upgrade():
    up(op, "chassis_migrated")


def downgrade():
    down(op, "chassis_migrated")
"""


@pytest.fixture
async def alembic(tmp_path: Path, database_urls: DatabaseUrls) -> AsyncIterator[Config]:
    """A service's alembic/ directory with its first migration."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENV)
    (tmp_path / "script.py.mako").write_text("")
    (tmp_path / "versions" / "2026_01_01_first.py").write_text(FIRST)
    config = Config()
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", database_urls.owner)
    yield config
    connection = await asyncpg.connect(database_urls.superuser)
    await connection.execute("DROP SCHEMA IF EXISTS chassis_migrated CASCADE")
    await connection.close()


async def run(step: object, *args: object) -> None:
    await asyncio.to_thread(step, *args)  # type: ignore[arg-type]  # a command of alembic's


async def tables(superuser: asyncpg.Connection) -> set[str]:
    rows = await superuser.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'chassis_migrated'"
    )
    return {row["tablename"] for row in rows}


async def test_up_down_up_and_nothing_left_to_generate(
    alembic: Config, superuser: asyncpg.Connection
) -> None:
    await run(command.upgrade, alembic, "head")
    everything = await tables(superuser)
    assert {"outbox", "inbox", "idempotency_keys", "errands", "things"} < everything
    await run(command.check, alembic)
    await run(command.downgrade, alembic, "base")
    assert await tables(superuser) == {"alembic_version"}
    await run(command.upgrade, alembic, "head")
    assert await tables(superuser) == everything


async def test_readiness_knows_whether_the_head_is_applied(
    alembic: Config, chassis_settings: DatabaseSettings
) -> None:
    location = Path(alembic.get_main_option("script_location") or "")
    database = Database(chassis_settings, schema="chassis_migrated", application_name="t")
    await run(command.upgrade, alembic, "head")
    assert await head_revision_is_applied(database, location)
    await run(command.downgrade, alembic, "base")
    assert not await head_revision_is_applied(database, location)
    await database.close()


async def test_every_tenant_table_is_isolated(
    database: Database, superuser: asyncpg.Connection
) -> None:
    rows = await superuser.fetch(
        """
        SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
               p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL AS both_ways
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
        LEFT JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'tenant'
        WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r'
        """,
        SCHEMA,
    )
    assert {row["relname"] for row in rows} >= {"outbox", "inbox", "idempotency_keys", "errands"}
    for row in rows:
        assert tuple(row)[1:] == (True, True, True), row["relname"]


async def test_the_owner_of_the_tables_is_bound_too(
    database: Database, database_urls: DatabaseUrls
) -> None:
    connection = await asyncpg.connect(
        database_urls.owner.replace("postgresql+asyncpg", "postgresql")
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await connection.execute(
            f"INSERT INTO {SCHEMA}.notes VALUES (gen_random_uuid(), gen_random_uuid(), 'x')"
        )
    await connection.close()


async def test_the_app_role_cannot_change_what_was_published(database: Database) -> None:
    async with database.engines[0].connect() as connection:
        for statement in ("DELETE FROM", "UPDATE"):
            text = f"{statement} {SCHEMA}.outbox" + (
                " SET published_at = now()" if statement == "UPDATE" else ""
            )
            with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
                await connection.execute(sa.text(text))
            await connection.rollback()


def test_an_enumeration_is_text_with_its_values() -> None:
    ddl = str(sa.schema.CreateTable(TenantThing.__table__))  # type: ignore[arg-type]  # a table
    assert "kind TEXT NOT NULL" in ddl
    assert "CONSTRAINT ck_things_kind CHECK (kind IN ('round-one', 'square'))" in ddl


async def test_replicas_that_start_together_all_succeed(alembic: Config, tmp_path: Path) -> None:
    url = alembic.get_main_option("sqlalchemy.url")
    (tmp_path / "alembic.ini").write_text(
        f"[alembic]\nscript_location = {tmp_path}\npath_separator = os\nsqlalchemy.url = {url}\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    replicas = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "-c", str(tmp_path / "alembic.ini")),
            *("upgrade", "head"),
            env=environment,
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    outputs = [await replica.communicate() for replica in replicas]
    assert [replica.returncode for replica in replicas] == [0, 0, 0], outputs
