"""The events of runs on Redis, for readers at other replicas: a stream per run, for a while.

PostgreSQL is the truth: what is missing here costs a reader some events, never an answer.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis

from ai_svc.modules.chat.live_run import Told
from shared_schemas.ids import OrganizationId

KEPT: Final = timedelta(minutes=15)
"""From the beginning of a run; none takes longer than two minutes."""
STOPS: Final = "channel:chat:stops"
"""Where replicas tell each other which runs are to be stopped."""
_PRESENCE: Final = timedelta(seconds=4)
_AT_ONCE: Final = 200
_WRITTEN_BEFORE: Final = "equal or smaller"
"""What Redis says of an id that is there: the answer to the first attempt was lost."""


class EventStore:
    """Entry `n-0` is the n-th event: written twice it is there once."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def add(
        self, organization_id: OrganizationId, run_id: UUID, events: Sequence[Told]
    ) -> bool:
        """False when the stream is not there any more: Redis forgot it, or it was erased."""
        key = key_of(organization_id, run_id)
        pipeline = self.redis.pipeline(transaction=False)
        for event in events:
            # Only the first makes the stream: what was erased does not come back with the next.
            pipeline.xadd(key, _entry(event), id=f"{event.number}-0", nomkstream=event.number > 1)
        if events[0].number == 1:
            pipeline.expire(key, KEPT)
        answers = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception) and _WRITTEN_BEFORE not in str(answer):
                raise answer
        return None not in answers

    async def write_anew(
        self, organization_id: OrganizationId, run_id: UUID, events: Sequence[Told]
    ) -> None:
        """All of them, in one step."""
        key = key_of(organization_id, run_id)
        pipeline = self.redis.pipeline(transaction=True)
        pipeline.delete(key)
        for event in events:
            pipeline.xadd(key, _entry(event), id=f"{event.number}-0")
        pipeline.expire(key, KEPT)
        await pipeline.execute()

    async def after(self, organization_id: OrganizationId, run_id: UUID, number: int) -> list[Told]:
        """What follows the `number`-th event without a gap."""
        key = key_of(organization_id, run_id)
        entries: Any = await self.redis.xrange(key, f"({number}-0", "+", count=_AT_ONCE)
        found: list[Told] = []
        for identifier, fields in entries:
            event = _told(identifier, fields)
            if event.number != number + 1 + len(found):
                break
            found.append(event)
        return found

    async def listen_elsewhere(self, organization_id: OrganizationId, run_id: UUID) -> None:
        """Says that somebody listens at another replica; holds for some seconds."""
        await self.redis.set(f"{key_of(organization_id, run_id)}:reader", b"1", px=_PRESENCE)

    async def is_read_elsewhere(self, organization_id: OrganizationId, run_id: UUID) -> bool:
        """Whether somebody does."""
        return bool(await self.redis.exists(f"{key_of(organization_id, run_id)}:reader"))

    async def forget(self, organization_id: OrganizationId, run_ids: Sequence[UUID]) -> None:
        """Deletes the events of these runs."""
        if run_ids:
            await self.redis.delete(*(key_of(organization_id, each) for each in run_ids))

    async def ask_to_stop(self, run_id: UUID) -> None:
        """Tells every replica."""
        await self.redis.publish(STOPS, str(run_id))


def key_of(organization_id: OrganizationId, run_id: UUID) -> str:
    """Where the events of a run are."""
    return f"chat:{organization_id}:run:{run_id}"


def _entry(event: Told) -> dict[Any, Any]:
    return {"event": json.dumps([event.name, event.data], ensure_ascii=False)}


def _told(identifier: bytes, fields: dict[bytes, bytes]) -> Told:
    name, data = json.loads(fields[b"event"])
    return Told(int(identifier.partition(b"-")[0]), name, data)
