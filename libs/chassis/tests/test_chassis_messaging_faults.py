"""Servers die under load: nothing committed is lost, nothing has a double effect, nobody exits."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from chassis_data_schema import SCHEMA, migrate_chassis_schema
from chassis_messaging_factories import (
    AURORA,
    BOREAL,
    GROUP,
    STREAM,
    Notebook,
    consumer_of,
    notes,
    publish,
    put_on_stream,
    running,
    ticket_created,
    tickets,
    until,
)
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError

from chassis.data.database import Database
from chassis.messaging.relay import OutboxRelay
from chassis.settings import DatabaseSettings
from devstack.ports import free_port
from devstack.prepared_cluster import TEMPLATE, copy_prepared_cluster
from devstack.servers.postgres import PostgresServer
from devstack.servers.valkey import ValkeyServer

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A cluster that waits for the disk: it is going to crash."""
    server = copy_prepared_cluster(int(os.environ.get("PG") or "18"), tmp_path / "postgres")
    server.durable = True
    server.start()
    server.wait_until_ready()
    yield server
    server.stop(immediate=True)
    server.remove()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Keeps nothing on disk: each restart is empty."""
    server = ValkeyServer(tmp_path / "valkey", free_port(), durable=False)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop(immediate=True)


@pytest.fixture
async def own_database(own_postgres: PostgresServer) -> AsyncIterator[Database]:
    scheme = "postgresql+asyncpg"
    await migrate_chassis_schema(own_postgres.url("cogep_owner", TEMPLATE, scheme))
    settings = DatabaseSettings(
        url=SecretStr(own_postgres.url("cogep_app", TEMPLATE, scheme)),
        worker_url=SecretStr(own_postgres.url("cogep_worker", TEMPLATE, scheme)),
    )
    database = Database(settings, schema=SCHEMA, application_name="faults")
    yield database
    await database.close()


class Ledger:
    """Publishes all the time and keeps what was acknowledged."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.attempted: set[str] = set()
        self.acknowledged: set[str] = set()

    async def produce(self) -> None:
        while True:
            event = ticket_created(random.choice([AURORA, BOREAL]))
            ticket = str(event.payload.ticket_id)
            self.attempted.add(ticket)
            with suppress(DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await publish(self.database, event)
                self.acknowledged.add(ticket)
            await asyncio.sleep(0.002)

    async def grows(self, by: int = 100) -> None:
        """Returns when so many more were acknowledged."""
        goal = len(self.acknowledged) + by

        async def reached() -> bool:
            return len(self.acknowledged) >= goal

        await until(reached, 60)


async def restart(server: PostgresServer | ValkeyServer) -> None:
    await asyncio.to_thread(server.stop, immediate=True)
    await asyncio.sleep(0.5)  # connections are refused for a while
    server.start()
    await asyncio.to_thread(server.wait_until_ready)


async def test_restarts_under_load_lose_and_double_nothing(
    own_postgres: PostgresServer, own_valkey: ValkeyServer, own_database: Database
) -> None:
    redis = Redis.from_url(own_valkey.url())
    ledger = Ledger(own_database)
    relay = OutboxRelay(own_database, redis)
    consumers = [consumer_of(own_database, redis, Notebook().write) for _ in range(2)]
    superuser = await _connect(own_postgres)
    async with running(relay.run()), running(consumers[0].run()), running(consumers[1].run()):
        async with running(ledger.produce()):
            await ledger.grows()
            await redis.flushall()
            await ledger.grows()
            await restart(own_valkey)
            await ledger.grows()
            await restart(own_postgres)
            await ledger.grows()
            await redis.flushall()
            await restart(own_postgres)
            await ledger.grows()
        await superuser.close()
        superuser = await _connect(own_postgres)

        async def all_handled() -> bool:
            return ledger.acknowledged <= set(await notes(superuser))

        await until(all_handled, 60)
    found = await notes(superuser)
    assert len(found) == len(set(found))
    assert set(found) <= ledger.attempted
    assert await redis.xlen(f"events:dead:{GROUP}") == 0
    await superuser.close()
    await redis.aclose()


async def test_an_outage_of_the_database_is_nobodys_failed_attempt(
    own_postgres: PostgresServer, own_valkey: ValkeyServer, own_database: Database
) -> None:
    redis = Redis.from_url(own_valkey.url())
    events = [ticket_created() for _ in range(10)]
    await asyncio.to_thread(own_postgres.stop)
    await put_on_stream(redis, *events)

    async def was_read() -> bool:
        pending: Any = await redis.xpending(STREAM, GROUP)
        return bool(pending["pending"])

    async with running(consumer_of(own_database, redis, Notebook().write).run()):
        await until(lambda: _exists(redis, GROUP))
        await until(was_read)
        await asyncio.sleep(0.5)  # long enough for three attempts without a pause
        own_postgres.start()
        await asyncio.to_thread(own_postgres.wait_until_ready)
        superuser = await _connect(own_postgres)

        async def all_handled() -> bool:
            return await notes(superuser) == tickets(*events)

        await until(all_handled, 30)
    assert await redis.xlen(f"events:dead:{GROUP}") == 0
    await superuser.close()
    await redis.aclose()


async def _exists(redis: Redis, group: str) -> bool:
    found: Any = await redis.xinfo_groups(STREAM)
    return any(row["name"] == group.encode() for row in found)


async def _connect(server: PostgresServer) -> asyncpg.Connection:
    return await asyncpg.connect(server.url("postgres", TEMPLATE))
