"""Events a service could not handle: kept with their cause, listed, and tried again on request."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from redis.asyncio import Redis

from chassis.messaging.entries import Entry, as_text
from chassis.messaging.streams import ENVELOPE, dead_letters_of, failures_of, redrive_of

_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One event that was given up on."""

    id: str
    event_id: str
    event_type: str
    organization_id: str
    cause: str
    attempts: int
    died_at: datetime
    envelope: bytes


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_id: str = ""
    event_type: str = ""
    organization_id: str = ""


async def bury(redis: Redis, service: str, entry: Entry, *, cause: str, attempts: int) -> None:
    """Moves an entry to the dead letters and settles it, in one step."""
    pipeline = redis.pipeline(transaction=True)
    pipeline.xadd(
        dead_letters_of(service),
        {
            ENVELOPE: entry.envelope,
            "cause": cause,
            "attempts": attempts,
            "stream": entry.stream,
            "died_at": datetime.now(UTC).isoformat(),
        },
    )
    pipeline.xack(entry.stream, service, entry.id)  # its group bears its name
    pipeline.hdel(failures_of(service), entry.key)
    if entry.stream == redrive_of(service):
        pipeline.xdel(entry.stream, entry.id)
    await pipeline.execute()


async def count_dead(redis: Redis, service: str) -> int:
    """How many there are."""
    return int(await redis.xlen(dead_letters_of(service)))


async def list_dead(
    redis: Redis, service: str, *, limit: int = 100, after: str | None = None
) -> list[DeadLetter]:
    """The oldest dead letters of a service, from the one behind `after`."""
    start = f"({after}" if after else "-"
    found = await redis.xrange(dead_letters_of(service), start, "+", count=limit)
    return [_letter(as_text(entry_id), fields) for entry_id, fields in found or []]


async def redrive(redis: Redis, service: str, ids: Sequence[str] | Literal["all"]) -> int:
    """Gives dead letters back to their service, and to no other; returns how many.

    The inbox has no row for them, so their handler runs.
    """
    if ids != "all":
        return await _redrive(redis, service, await _found(redis, service, ids))
    total = 0
    last = await redis.xrevrange(dead_letters_of(service), count=1)
    newest = as_text(last[0][0]) if last else ""
    # Up to the newest one of now: a letter that dies again meanwhile is not chased in circles.
    while batch := await redis.xrange(dead_letters_of(service), "-", newest or "-", count=_AT_ONCE):
        total += await _redrive(redis, service, batch)
    return total


async def _found(redis: Redis, service: str, ids: Iterable[str]) -> list[Any]:
    pipeline = redis.pipeline(transaction=False)
    for letter_id in ids:
        pipeline.xrange(dead_letters_of(service), letter_id, letter_id)
    return [entry for found in await pipeline.execute() for entry in found]


async def _redrive(redis: Redis, service: str, entries: Sequence[Any]) -> int:
    if not entries:
        return 0
    pipeline = redis.pipeline(transaction=True)
    for _, fields in entries:
        pipeline.xadd(redrive_of(service), {ENVELOPE: fields[ENVELOPE.encode()]})
    pipeline.xdel(dead_letters_of(service), *[entry_id for entry_id, _ in entries])
    await pipeline.execute()
    return len(entries)


def _letter(letter_id: str, fields: Any) -> DeadLetter:
    envelope = bytes(fields.get(ENVELOPE.encode(), b""))
    try:
        head = _Head.model_validate_json(envelope)
    except ValidationError:
        head = _Head()
    return DeadLetter(
        id=letter_id,
        event_id=head.event_id,
        event_type=head.event_type,
        organization_id=head.organization_id,
        cause=as_text(fields.get(b"cause", b"")),
        attempts=int(fields.get(b"attempts", 0)),
        died_at=datetime.fromisoformat(as_text(fields[b"died_at"])),
        envelope=envelope,
    )
