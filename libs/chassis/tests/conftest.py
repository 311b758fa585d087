"""The chassis's own schema in the run's database, and clients for it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import structlog
from chassis_data_schema import METADATA, SCHEMA, migrate_chassis_schema
from pydantic import SecretStr
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from devstack.testing import DatabaseUrls


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    # structlog's default renders tracebacks with every local variable, which takes seconds each.
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ]
    )


@pytest.fixture(scope="session")
async def chassis_settings(database_urls: DatabaseUrls) -> DatabaseSettings:
    """Settings for the run's database, in which schema `chassis_test` has been made."""
    await migrate_chassis_schema(database_urls.owner)
    return DatabaseSettings(
        url=SecretStr(database_urls.app), worker_url=SecretStr(database_urls.worker), pool_size=4
    )


@pytest.fixture(scope="session")
async def shared_database(chassis_settings: DatabaseSettings) -> AsyncIterator[Database]:
    """One pool for the whole run."""
    database = Database(chassis_settings, schema=SCHEMA, application_name="chassis tests")
    yield database
    await database.close()


@pytest.fixture
async def database(
    shared_database: Database, database_urls: DatabaseUrls
) -> AsyncIterator[Database]:
    """The database, emptied afterwards: these tests commit."""
    yield shared_database
    connection = await asyncpg.connect(database_urls.superuser)
    for table in METADATA.sorted_tables:
        await connection.execute(f"DELETE FROM {table.fullname}")
    await connection.close()


@pytest.fixture
async def superuser(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """Sees every tenant's rows."""
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis database."""
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()
