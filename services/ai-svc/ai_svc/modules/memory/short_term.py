"""The words of the latest messages of a conversation, at hand in Redis: 50 messages, 24 hours.

What was written before somebody was forgotten never comes in after: forgetting raises a number, and
who writes must have read that number before reading PostgreSQL. Of a Redis that is down or empty
nothing is lost but time.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, cast
from uuid import UUID

from redis.asyncio import Redis

from ai_svc.modules.memory.history import WINDOW
from shared_schemas.ids import OrganizationId

KEPT: Final = timedelta(hours=24)
_NUMBER: Final = ":forgotten"
_NUMBER_KEPT: Final = timedelta(hours=25)
_SUMMARY: Final = "~summary"  # sorts after every id
_WRITE: Final = """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
local ids = redis.call('HKEYS', KEYS[1])
table.sort(ids)
if ids[#ids] == '~summary' then table.remove(ids) end
for place = 1, #ids - tonumber(ARGV[3]) do redis.call('HDEL', KEYS[1], ids[place]) end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""


def key_of(organization_id: OrganizationId, conversation_id: UUID) -> str:
    """Where a conversation is at hand."""
    return f"memory:{organization_id}:conversation:{conversation_id}"


async def read(redis: Redis, key: str, message_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The words that are at hand."""
    if not message_ids:
        return {}
    found = await cast("Any", redis.hmget(key, [str(each) for each in message_ids]))
    pairs = zip(message_ids, found, strict=True)
    return {message_id: words.decode() for message_id, words in pairs if words is not None}


async def number_of(redis: Redis, key: str) -> str:
    """To be asked for before PostgreSQL is read: `write` wants it back."""
    found = cast("bytes | None", await redis.get(key + _NUMBER))
    return found.decode() if found else "0"


async def write(redis: Redis, key: str, number: str, words: Mapping[UUID, str]) -> bool:
    """Puts them beside what is there; whether it did: not if something was forgotten since."""
    if not words:
        return True
    return await _put(redis, key, number, {str(each): said for each, said in words.items()})


async def read_summary(redis: Redis, key: str) -> str | None:
    """Of what was said before those messages, if a model made one."""
    found = await cast("Any", redis.hget(key, _SUMMARY))
    return found.decode() if found else None


async def write_summary(redis: Redis, key: str, number: str, summary: str) -> bool:
    """As `write`."""
    return await _put(redis, key, number, {_SUMMARY: summary})


async def forget(redis: Redis, keys: Sequence[str]) -> None:
    """Lets go of conversations; nobody who read before writes after."""
    pipeline = redis.pipeline(transaction=True)
    for key in keys:
        pipeline.incr(key + _NUMBER)
        pipeline.pexpire(key + _NUMBER, _NUMBER_KEPT)
        pipeline.delete(key)
    await pipeline.execute()


async def _put(redis: Redis, key: str, number: str, fields: Mapping[str, str]) -> bool:
    pairs = [part for pair in fields.items() for part in pair]
    arguments: Any = [number, int(KEPT.total_seconds() * 1000), WINDOW, *pairs]
    return bool(await cast("Any", redis.eval(_WRITE, 2, key, key + _NUMBER, *arguments)))
