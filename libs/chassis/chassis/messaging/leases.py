"""Locks on Redis that live as long as their holder: renewed while held, gone soon after a kill."""

import asyncio
from contextlib import suppress
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import RedisError

from chassis.messaging.endurance import heed_cancellation

_SECONDS: Final = 15.0


class Lease:
    """Once no longer `held`, somebody else may have it: Redis was emptied, or we were too slow."""

    def __init__(self, lock: Lock) -> None:
        self.held = True
        self._lock = lock
        self._keeper = asyncio.create_task(self._keep())

    async def release(self) -> None:
        """Lets others have it at once."""
        self.held = False
        self._keeper.cancel()
        await asyncio.gather(self._keeper, return_exceptions=True)
        with suppress(RedisError):
            await self._lock.release()

    async def _keep(self) -> None:
        try:
            while self.held:
                await asyncio.sleep(_SECONDS / 3)
                await self._lock.reacquire()
                heed_cancellation()
        except RedisError:
            self.held = False


async def try_lease(redis: Redis, resource: str) -> Lease | None:
    """The lease `lock:{resource}`, unless somebody holds it."""
    lock = redis.lock(f"lock:{resource}", timeout=_SECONDS, thread_local=False)
    return Lease(lock) if await lock.acquire(blocking=False) else None
