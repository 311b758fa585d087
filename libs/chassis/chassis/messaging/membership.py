"""A stable name within a consumer group: `ai-svc-0`, `ai-svc-1` …, never random: those leak."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count

from redis.asyncio import Redis

from chassis.messaging.leases import Lease, try_lease


@dataclass(frozen=True, slots=True)
class Membership:
    """The name is ours while the lease is held; then begin again under a free one."""

    name: str
    lease: Lease


@asynccontextmanager
async def membership(redis: Redis, group: str) -> AsyncIterator[Membership]:
    """The lowest free name of the group, kept as long as the context lasts."""
    member = await _lowest_free(redis, group)
    try:
        yield member
    finally:
        await member.lease.release()


async def _lowest_free(redis: Redis, group: str) -> Membership:
    for number in count():
        name = f"{group}-{number}"
        lease = await try_lease(redis, f"consumer:{name}")
        if lease is not None:
            return Membership(name, lease)
    raise AssertionError("names never run out")
