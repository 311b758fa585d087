"""A stable name within a consumer group: `ai-svc-0`, `ai-svc-1` …, never random: those leak."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import RedisError

_SECONDS: Final = 15.0
"""How long the name of a process that was killed stays taken."""


@dataclass(slots=True)
class Membership:
    """Once no longer `held`, the name may be another process's: begin again under a free one."""

    name: str
    held: bool = True


@asynccontextmanager
async def membership(redis: Redis, group: str) -> AsyncIterator[Membership]:
    """The lowest free name of the group, kept as long as the context lasts."""
    member, lock = await _lowest_free(redis, group)
    keeper = asyncio.create_task(_keep(member, lock))
    try:
        yield member
    finally:
        keeper.cancel()
        with suppress(asyncio.CancelledError):
            await keeper
        with suppress(RedisError):
            await lock.release()


async def _keep(member: Membership, lock: Lock) -> None:
    try:
        while True:
            await asyncio.sleep(_SECONDS / 3)
            await lock.reacquire()
    except RedisError:
        member.held = False


async def _lowest_free(redis: Redis, group: str) -> tuple[Membership, Lock]:
    for number in count():
        name = f"{group}-{number}"
        lock = redis.lock(f"lock:consumer:{name}", timeout=_SECONDS, thread_local=False)
        if await lock.acquire(blocking=False):
            return Membership(name), lock
    raise AssertionError("names never run out")
