"""When each failed entry is tried again. How often it failed is kept on Redis, to outlive us."""

import time

from redis.asyncio import Redis

from chassis.messaging.backoff import Backoff
from chassis.messaging.streams import failures_of


class Retries:
    """Failed entries of one consumer."""

    def __init__(self, redis: Redis, service: str, backoff: Backoff) -> None:
        self._redis = redis
        self._key = failures_of(service)
        self._backoff = backoff
        self._due: dict[str, float] = {}

    async def failed(self, key: str) -> int:
        """Counts a failure, plans the next attempt, and returns how many failures there were."""
        failures = int(await self._redis.hincrby(self._key, key, 1))
        pause = self._backoff.after(failures).total_seconds()
        self._due[key] = time.monotonic() + pause
        return failures

    async def settled(self, keys: list[str]) -> None:
        """They need no further attempt."""
        if keys:
            await self._redis.hdel(self._key, *keys)
        for key in keys:
            self._due.pop(key, None)

    def is_planned(self, key: str) -> bool:
        """Whether an attempt is planned, now due or not."""
        return key in self._due

    def is_due(self, key: str) -> bool:
        """Also true for an entry that has not failed in this process's life: a leftover."""
        return self._due.get(key, 0.0) <= time.monotonic()

    def seconds_to_next(self) -> float | None:
        """Until the next planned attempt; None when there is none."""
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())
