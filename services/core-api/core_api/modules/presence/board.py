"""Who is at which ticket, in Redis: a hash per ticket, every key with its organization's id.

Each entry says when it expires, by Redis's clock, which all replicas share; the key itself expires
after the last of them. Whatever changes is published for the live stream. Nothing here is worth an
error: when Redis is away nobody is seen, and the work goes on.
"""

import asyncio
import json
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core_api.modules.presence.schemas import Activity, PresenceRead
from shared_schemas.ids import OrganizationId, UserId

T = TypeVar("T")

EXPIRES_AFTER: Final = timedelta(seconds=45)
"""Whoever is still there says so again every 15 seconds or so: two may get lost."""
_PATIENCE_SECONDS: Final = 0.5
_MILLISECOND: Final = timedelta(milliseconds=1)
_log: Final = structlog.get_logger(__name__)

# In one step on the server: the beginning of an activity is kept while it goes on, what has expired
# is cleared away, and the key outlives its last entry by nothing.
_SAY: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = now + tonumber(ARGV[3])
local entries, since = redis.call('HGETALL', KEYS[1]), now
for i = 1, #entries, 2 do
  local activity, began, ends = string.match(entries[i + 1], '^(%a+) (%d+) (%d+)$')
  if tonumber(ends) <= now then
    redis.call('HDEL', KEYS[1], entries[i])
  elseif entries[i] == ARGV[1] and activity == ARGV[2] then
    since = began
  end
end
since, expires = string.format('%.0f', since), string.format('%.0f', expires)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. since .. ' ' .. expires)
redis.call('PEXPIREAT', KEYS[1], expires)
return {since, expires}
"""


def channel(organization_id: OrganizationId) -> str:
    """Where what changes is published: JSON with ticket_id, member_id, activity, expires_at."""
    return f"channel:{organization_id}:presence"


def key_of(organization_id: OrganizationId, ticket_id: UUID) -> str:
    """Where it is kept who is at a ticket."""
    return f"presence:{organization_id}:{ticket_id}"


class PresenceBoard:
    """The presence at the tickets of one organization."""

    def __init__(self, redis: Redis, organization_id: OrganizationId) -> None:
        self._redis = redis
        self._organization_id = organization_id
        self._say = redis.register_script(_SAY)

    async def say(self, ticket_id: UUID, member_id: UserId, activity: Activity) -> None:
        """Somebody does this now, and for a while."""
        milliseconds = int(EXPIRES_AFTER / _MILLISECOND)
        said = await self._tried(
            self._say(keys=[self._key(ticket_id)], args=[str(member_id), activity, milliseconds])
        )
        if said is not None:
            await self._publish(ticket_id, member_id, activity, _instant(said[1]))

    async def leave(self, ticket_id: UUID, member_id: UserId) -> None:
        """Somebody is not there any more."""
        gone = await self._tried(self._redis.hdel(self._key(ticket_id), str(member_id)))
        if gone:
            await self._publish(ticket_id, member_id, None, None)

    async def at(self, ticket_id: UUID) -> list[PresenceRead]:
        """Who is there, the longest first; nobody when Redis is away."""
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.time()
            pipeline.hgetall(self._key(ticket_id))
            found = await self._tried(pipeline.execute())
        if found is None:
            return []
        (seconds, microseconds), entries = found
        now = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
        everybody = [_read(member_id, entry) for member_id, entry in entries.items()]
        here = [one for one in everybody if one.expires_at > now]
        return sorted(here, key=lambda one: (one.since, one.member_id))

    async def _publish(
        self,
        ticket_id: UUID,
        member_id: UserId,
        activity: Activity | None,
        expires_at: datetime | None,
    ) -> None:
        """`activity` null: gone."""
        happening = {
            "ticket_id": str(ticket_id),
            "member_id": str(member_id),
            "activity": activity,
            "expires_at": None if expires_at is None else expires_at.isoformat(),
        }
        publishing = self._redis.publish(channel(self._organization_id), json.dumps(happening))
        await self._tried(publishing)

    async def _tried(self, call: Awaitable[T]) -> T | None:
        """The answer; None when Redis does not give one in time."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("presence_unavailable", cause=type(error).__name__)
            return None

    def _key(self, ticket_id: UUID) -> str:
        return key_of(self._organization_id, ticket_id)


def _read(member_id: bytes, entry: bytes) -> PresenceRead:
    activity, since, expires_at = entry.decode().split()
    return PresenceRead(
        member_id=UUID(member_id.decode()),
        activity=Activity(activity),
        since=_instant(since),
        expires_at=_instant(expires_at),
    )


def _instant(milliseconds: str | bytes) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
