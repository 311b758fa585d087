"""Redis dies and comes back empty: listeners stay, are told to load anew, and hear what is new."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from core_api_factories import Person
from fastapi import FastAPI
from redis.asyncio import Redis
from test_core_api_live import happening, listen

from chassis.messaging.streams import ENVELOPE, stream_of
from chassis.web.live.reader import LiveReader
from chassis.web.live.updates import LiveUpdates
from core_api.modules.live.programme import PROGRAMME
from devstack.ports import free_port
from devstack.servers.valkey import ValkeyServer
from shared_schemas.events import BaseEvent

pytestmark = [pytest.mark.faults, pytest.mark.timeout(120)]


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """Keeps nothing on disk: each restart is empty."""
    server = ValkeyServer(tmp_path / "valkey", free_port(), durable=False)
    server.start()
    server.wait_until_ready()
    yield server
    server.stop(immediate=True)


@pytest.fixture
async def redis(own_valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(own_valkey.url())
    yield client
    with suppress(Exception):
        await client.aclose()


async def _publish(server: ValkeyServer, event: BaseEvent) -> None:
    async with Redis.from_url(server.url()) as redis:
        await redis.xadd(stream_of(event.event_type), {ENVELOPE: event.model_dump_json()})


async def test_listeners_outlive_redis(
    app: FastAPI, own_valkey: ValkeyServer, redis: Redis, bruno: Person
) -> None:
    app.state.live = live = LiveUpdates(PROGRAMME)
    reader = LiveReader(redis, live.hub, PROGRAMME)
    await reader.start()
    running = asyncio.create_task(reader.run())
    line = await listen(app, bruno)
    seen = (await line.named("ready")).id
    before = happening()
    await _publish(own_valkey, before)
    await line.named("ticket.updated")

    own_valkey.stop(immediate=True)
    own_valkey.start()
    own_valkey.wait_until_ready()
    reset = await _patiently(line)
    again = before.model_copy(update={"timestamp": datetime.now(UTC) - timedelta(minutes=1)})
    await _publish(own_valkey, again)  # as the relay does: Redis has forgotten it
    fresh = happening()
    await _publish(own_valkey, fresh)

    assert reset == "reset"
    told = await line.named("ticket.updated")
    assert told.data["payload"]["ticket_id"] == str(fresh.payload.ticket_id)  # type: ignore[attr-defined]  # of a ticket
    back = await listen(app, bruno, seen)
    await back.named("reset")
    for each in (line, back):
        await each.hang_up()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def _patiently(line: object) -> str:
    """The name of the next event; the reader connects again with pauses that grow."""
    for _ in range(6):
        with suppress(TimeoutError):
            return str((await line.next()).event)  # type: ignore[attr-defined]  # a Listening
    raise AssertionError("nobody was told")
