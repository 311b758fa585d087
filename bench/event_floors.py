"""The yardsticks of the event path, on the bare drivers: as fast as it goes, and the naive loop.

Both move events from the outbox to inbox rows with the same guarantees as the product: claimed
under a row lock, marked after XADD, acknowledged after the commit. Neither has tenants, retries,
dead letters, metrics or traces.
"""

import asyncio
import json
from typing import Any
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from bench.event_store import SOURCE, TARGET

_STREAM = "events:ticket.created"
_GROUP = "floor"
_CONSUMER = "floor-1"

_CLAIM = f"""
SELECT id, envelope FROM {SOURCE}.outbox WHERE published_at IS NULL
ORDER BY position LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_MARK = f"UPDATE {SOURCE}.outbox SET published_at = now() WHERE id = ANY($1)"
_REMEMBER = f"""
INSERT INTO {TARGET}.inbox (consumer, event_id, organization_id)
SELECT '{_GROUP}', * FROM unnest($1::uuid[], $2::uuid[]) ON CONFLICT DO NOTHING
"""


async def move(pool: asyncpg.Pool, redis: Redis, count: int, batch: int) -> None:
    """Move `count` events, `batch` at a time: relay and consumer side by side on one event loop."""
    await redis.xgroup_create(_STREAM, _GROUP, id="0", mkstream=True)
    async with pool.acquire() as relaying, pool.acquire() as consuming:
        await asyncio.gather(
            _relay(relaying, redis, count, batch), _consume(consuming, redis, count, batch)
        )


async def _relay(connection: Any, redis: Redis, count: int, batch: int) -> None:
    while count > 0:
        async with connection.transaction():
            rows = await connection.fetch(_CLAIM, batch)
            async with redis.pipeline(transaction=False) as pipe:
                for row in rows:
                    pipe.xadd(_STREAM, {"envelope": row["envelope"]})
                await pipe.execute()
            await connection.execute(_MARK, [row["id"] for row in rows])
        count -= len(rows)


async def _consume(connection: Any, redis: Redis, count: int, batch: int) -> None:
    while count > 0:
        answer: Any = await redis.xreadgroup(
            _GROUP, _CONSUMER, {_STREAM: ">"}, count=batch, block=1000
        )
        for _, entries in answer or ():
            envelopes = [json.loads(fields[b"envelope"]) for _, fields in entries]
            async with connection.transaction():
                await connection.execute(
                    _REMEMBER,
                    [UUID(envelope["event_id"]) for envelope in envelopes],
                    [UUID(envelope["organization_id"]) for envelope in envelopes],
                )
            await redis.xack(_STREAM, _GROUP, *(entry_id for entry_id, _ in entries))
            count -= len(entries)
