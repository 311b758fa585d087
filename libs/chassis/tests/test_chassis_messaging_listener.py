"""Waking up: every replica is told, soon."""

import asyncio
import time

import pytest
from chassis_messaging_factories import (
    publish,
    put_on_stream,
    running,
    ticket_created,
    until,
)
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.messaging.consumer import StreamListener
from chassis.messaging.relay import OutboxRelay

pytestmark = pytest.mark.committed


async def test_every_replica_is_woken_by_an_event(redis: Redis) -> None:
    bells = [asyncio.Event() for _ in range(3)]
    listeners = [StreamListener(redis, "w", ["ticket.created"], bell.set) for bell in bells]
    async with (
        running(listeners[0].run()),
        running(listeners[1].run()),
        running(listeners[2].run()),
    ):
        for bell in bells:  # once at the start, for what came before
            await asyncio.wait_for(bell.wait(), 5)
            bell.clear()
        await put_on_stream(redis, ticket_created())
        woken = await asyncio.gather(*(asyncio.wait_for(bell.wait(), 5) for bell in bells))
    assert woken == [True] * 3


async def test_a_listener_leaves_no_group_behind(redis: Redis) -> None:
    bell = asyncio.Event()
    await put_on_stream(redis, ticket_created())
    async with running(StreamListener(redis, "w", ["ticket.created"], bell.set).run()):
        await asyncio.wait_for(bell.wait(), 5)
    assert await redis.xinfo_groups("events:ticket.created") == []


async def test_a_commit_wakes_a_listener_within_200_ms(database: Database, redis: Redis) -> None:
    woken: list[float] = []
    listener = StreamListener(
        redis, "w", ["ticket.created"], lambda: woken.append(time.perf_counter())
    )

    async def has_started() -> bool:
        return bool(woken and await redis.get("outbox:epoch:chassis_test"))

    async def was_woken() -> bool:
        return len(woken) > 1

    async with running(OutboxRelay(database, redis).run()), running(listener.run()):
        await until(has_started)
        await publish(database, ticket_created())
        committed = time.perf_counter()
        await until(was_woken)
    assert woken[1] - committed < 0.2
