"""Wakes the relay right after a commit, in whichever replica the active one runs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chassis.data.database import Database
from chassis.messaging.endurance import heed_cancellation
from chassis.messaging.streams import nudge_channel


class OutboxNudge:
    """Rings after every commit that published events.

    A service that writes to an outbox without its relay holds `ringing()` open all its life.
    Losing a ring costs no event: the relay polls as well.
    """

    def __init__(self, database: Database, redis: Redis) -> None:
        self.relay_is_here = False
        self._database = database
        self._redis = redis
        self._channel = nudge_channel(database.schema)
        self._rung = asyncio.Event()
        self._ring_again = False
        self._ringing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def ringing(self) -> AsyncIterator[None]:
        """Rings after commits until the context ends."""
        with self._database.outbox_bell(self.ring):
            yield
        if self._ringing is not None:
            await self._ringing

    def ring(self) -> None:
        """Wakes the relay: here by an event, elsewhere through Redis, without waiting for it."""
        if self.relay_is_here:
            self._rung.set()
        elif self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._publish())
        else:
            self._ring_again = True  # a burst of commits is one message, or two

    async def wait(self, seconds: float, *, not_before: float = 0.0) -> None:
        """Returns when rung, or when the time is up; not before that moment (`time.monotonic`)."""
        heed_cancellation()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        await asyncio.sleep(max(0.0, not_before - time.monotonic()))
        self._rung.clear()  # all rings until now are answered by what the caller reads next

    async def listen(self) -> None:
        """Takes the rings of other processes; runs until cancelled or Redis goes away."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(self._channel)
            while True:
                heed_cancellation()
                if await channel.get_message(timeout=2.0) is not None:
                    self._rung.set()

    async def _publish(self) -> None:
        again = True
        while again:
            self._ring_again = False
            with suppress(RedisError, OSError):
                await self._redis.publish(self._channel, b"")
            again = self._ring_again
