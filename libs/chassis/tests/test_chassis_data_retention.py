"""System tables forget what nobody needs any more, and nothing else."""

import asyncpg
import pytest
from chassis_data_schema import SYSTEM
from chassis_messaging_factories import (
    AURORA,
    BOREAL,
    Notebook,
    consumer_of,
    publish,
    ticket_created,
)
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.data.retention import prune_system_tables
from chassis.messaging.relay import OutboxRelay

pytestmark = pytest.mark.committed


async def test_old_rows_of_every_tenant_are_deleted_and_young_ones_kept(
    database: Database, redis: Redis, superuser: asyncpg.Connection
) -> None:
    await publish(database, ticket_created(AURORA), ticket_created(BOREAL))
    await OutboxRelay(database, redis).drain_once()
    await consumer_of(database, redis, Notebook().write).drain_once()
    assert await prune_system_tables(database, SYSTEM) == {
        "outbox": 0,
        "inbox": 0,
        "idempotency_keys": 0,
    }
    await superuser.execute(
        "UPDATE chassis_test.outbox SET published_at = published_at - interval '30 days'"
    )
    await superuser.execute(
        "UPDATE chassis_test.inbox SET handled_at = handled_at - interval '30 days'"
    )
    deleted = await prune_system_tables(database, SYSTEM)
    assert (deleted["outbox"], deleted["inbox"]) == (2, 2)


async def test_an_unpublished_event_is_never_deleted(
    database: Database, superuser: asyncpg.Connection
) -> None:
    await publish(database, ticket_created())
    await superuser.execute(
        "UPDATE chassis_test.outbox SET created_at = created_at - interval '1 year'"
    )
    assert (await prune_system_tables(database, SYSTEM))["outbox"] == 0
