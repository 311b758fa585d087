"""Streams are cut only behind their slowest reader."""

import time
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chassis.messaging.streams import stream_of


class StreamTrimmer:
    """Removes what every consumer group has acknowledged and what is older than `keep`.

    `keep` protects a group that Redis forgot and whose service, being down, cannot create it again
    yet; so does the memory of the groups seen before. A stream nobody reads is cut at `retention`.
    """

    def __init__(self, redis: Redis, *, keep: timedelta, retention: timedelta) -> None:
        self._redis = redis
        self._keep = keep
        self._retention = retention
        self._seen: dict[str, set[bytes]] = {}

    async def trim(self, event_type: str) -> int:
        """Cuts one stream; returns how many entries went."""
        stream = stream_of(event_type)
        try:
            groups = await self._redis.xinfo_groups(stream)
        except ResponseError:
            return 0  # the stream does not exist
        seen = self._seen.setdefault(stream, set())
        present = {bytes(group["name"]) for group in groups}
        if seen - present:
            return 0  # a reader is missing: it will start again from the beginning
        seen |= present
        floor = self._before(self._keep if groups else self._retention)
        for group in groups:
            floor = min(floor, await self._needed_by(stream, group), key=_as_numbers)
        return int(await self._redis.xtrim(stream, minid=floor, approximate=True))

    async def _needed_by(self, stream: str, group: Any) -> str:
        """The oldest entry the group has not acknowledged, or the last one it has."""
        if group["pending"]:
            pending = await self._redis.xpending(stream, group["name"])
            if pending["min"] is not None:
                return _text(pending["min"])
        return _text(group["last-delivered-id"])

    @staticmethod
    def _before(age: timedelta) -> str:
        return f"{int((time.time() - age.total_seconds()) * 1000)}-0"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _as_numbers(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
