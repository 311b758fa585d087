"""The chassis' own Database on the bench's PostgreSQL, as a service would open it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic import SecretStr

from bench.servers import Servers
from chassis.data.database import Database
from chassis.settings import DatabaseSettings


@asynccontextmanager
async def open_database(
    servers: Servers, schema: str, *, workers: int = 4
) -> AsyncIterator[Database]:
    """Both roles, `workers` connections of the worker role; closed at the end."""
    settings = DatabaseSettings(
        url=SecretStr(servers.database_url("cogep_app")),
        worker_url=SecretStr(servers.database_url("cogep_worker")),
        worker_pool_size=workers,
    )
    database = Database(settings, schema=schema, application_name="bench")
    try:
        yield database
    finally:
        await database.close()
