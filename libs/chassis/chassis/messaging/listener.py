"""Waking up: tells a process that something happened, without taking the event from others."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from redis.asyncio import Redis

from chassis.messaging.endurance import heed_cancellation, keep_running
from chassis.messaging.entries import as_text
from chassis.messaging.streams import stream_of

_BLOCK: Final = timedelta(seconds=2)


class StreamListener:
    """Calls `callback` soon after events of the given types were published.

    Every replica is told, for the one that would be told alone may be busy. No inbox, no
    acknowledgement: whoever needs every event subscribes to it, whoever is woken also polls.
    """

    def __init__(
        self,
        redis: Redis,
        group: str,
        event_types: Sequence[str],
        callback: Callable[[], object],
    ) -> None:
        self._redis = redis
        self._group = group
        self._streams = [stream_of(name) for name in event_types]
        self._callback = callback

    async def run(self) -> None:
        """Listens until cancelled; survives restarts of Redis."""
        await keep_running(f"stream listener {self._group}", self._listen)

    async def _listen(self) -> None:
        positions = await self._ends()
        self._callback()  # for what was published while nobody listened
        while True:
            heed_cancellation()
            found = await self._redis.xread(
                positions, count=1000, block=int(_BLOCK.total_seconds() * 1000)
            )
            for stream, entries in found.items() if isinstance(found, dict) else found or []:
                positions[as_text(stream)] = as_text(entries[-1][0])
            if found:
                self._callback()

    async def _ends(self) -> dict[Any, Any]:
        """Where each stream ends now. Not `$`: that would skip what comes between two reads."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self._streams:
            pipeline.xrevrange(stream, count=1)
        found = await pipeline.execute()
        return {
            stream: as_text(last[0][0]) if last else "0-0"
            for stream, last in zip(self._streams, found, strict=True)
        }
