"""The one reader of a process: events from their streams in one order, what is only said as it is
said."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from redis.asyncio import Redis

from chassis.messaging.endurance import heed_cancellation, keep_running
from chassis.messaging.entries import Decoder, Entry, UndecodableEvent, as_text, entries_of
from chassis.messaging.streams import stream_of
from chassis.web.live.frames import Frame
from chassis.web.live.hub import MEMORY, Hub
from chassis.web.live.positions import Position
from shared_schemas.events import EVENT_TYPES, BaseEvent
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)
_BLOCK: Final = timedelta(seconds=1)
_MEMORY_MS: Final = int(MEMORY.total_seconds() * 1000)
_LONGEST_GAP_MS: Final = 60_000
_LATE: Final = timedelta(seconds=10)
_GATHER_SECONDS: Final = 0.01
"""More than a millisecond, which has to be over; and what comes in a burst is read at once."""
_LONGEST_SAYING: Final = 2_000


@dataclass(frozen=True, slots=True)
class Programme:
    """What is told: events of these types, and what is said on `channel:{organization}:{channel}`,
    worth nothing later. None: nobody hears of it."""

    types: Sequence[str]
    of_event: Callable[[BaseEvent, Position], Frame | None]
    channel: str
    of_saying: Callable[[dict[str, Any]], Frame | None]


class LiveReader:
    """Feeds the hub. `run()` never ends by itself; tests call `start` and `read_once`."""

    def __init__(self, redis: Redis, hub: Hub, programme: Programme) -> None:
        self._redis = redis
        self._hub = hub
        self._programme = programme
        self._decoder = Decoder(EVENT_TYPES)
        self._streams = {stream_of(kind): kind for kind in programme.types}
        self._server = ""
        self._read_until = 0  # the last millisecond that was passed on
        self._nothing_before = datetime.min.replace(tzinfo=UTC)

    async def run(self) -> None:
        """Reads until cancelled; survives restarts of Redis."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("live events", self._follow))
            group.create_task(keep_running("live sayings", self._follow_sayings))

    async def start(self) -> None:
        """To be called on every new connection to Redis: looks whether it is still the same one."""
        server = await self._redis.info("server")
        now = await self._now()
        run_id = str(server["run_id"])
        if not self._server:
            # What a restart of this process missed its listeners can resume; not one of Redis.
            started = now - int(server["uptime_in_seconds"]) * 1000 - 1000
            begin = max(now - _MEMORY_MS, started)
            self._read_until = begin
            self._hub.advance(Position.end_of(begin), forget_before=begin)
            await self.read_once()
            self._hub.started = True
        elif run_id != self._server or not 0 <= now - self._read_until <= _LONGEST_GAP_MS:
            self._start_anew(now)
        self._server = run_id

    async def read_once(self) -> int:
        """Passes on everything up to the last millisecond that is over; returns how many events."""
        now = await self._now()
        until = now - 1
        if until < self._read_until:
            self._start_anew(now)  # the server's clock was put back
            return 0
        if until == self._read_until:
            return 0
        found = await self._between(self._read_until + 1, until)
        for position, envelope in found:
            self._pass_on(position, envelope)
        self._read_until = until
        self._hub.advance(Position.end_of(until), forget_before=now - _MEMORY_MS)
        return len(found)

    async def _follow(self) -> None:
        await self.start()
        while True:
            heed_cancellation()
            await self.read_once()
            if await self._something_came():
                await asyncio.sleep(_GATHER_SECONDS)

    async def _something_came(self) -> bool:
        last = f"{self._read_until}-18446744073709551615"
        found = await self._redis.xread(
            dict.fromkeys(self._streams, last), count=1, block=int(_BLOCK.total_seconds() * 1000)
        )
        return bool(found)

    async def _between(self, first: int, last: int) -> Sequence[tuple[Position, bytes]]:
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self._streams:
            pipeline.xrange(stream, min=str(first), max=str(last))
        answers = await pipeline.execute()
        found = [
            (Position.of_entry(entry.id, kind), entry.envelope)
            for (stream, kind), raw in zip(self._streams.items(), answers, strict=True)
            for entry in entries_of(stream, raw)
        ]
        return sorted(found)

    def _pass_on(self, position: Position, envelope: bytes) -> None:
        try:
            stream = stream_of(position.event_type)
            event = self._decoder.decode(Entry(stream, str(position), envelope))
        except UndecodableEvent as error:
            _log.warning("live_event_undecodable", cause=str(error))
            return
        # Redis lost its memory and is told everything again: known since everybody loaded anew.
        if event.timestamp < self._nothing_before:
            return
        frame = self._programme.of_event(event, position)
        if frame is not None:
            self._hub.pass_on(event.organization_id, frame)

    def _start_anew(self, now: int) -> None:
        self._nothing_before = datetime.fromtimestamp(now / 1000, UTC) - _LATE
        self._read_until = now - 1
        self._hub.start_anew(Position.end_of(now - 1))

    async def _now(self) -> int:
        seconds, microseconds = await self._redis.time()
        return int(seconds) * 1000 + int(microseconds) // 1000

    async def _follow_sayings(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channels:
            await channels.psubscribe(f"channel:*:{self._programme.channel}")
            while True:
                heed_cancellation()
                message = await channels.get_message(timeout=_BLOCK.total_seconds())
                if message is not None:
                    self.pass_on_saying(as_text(message["channel"]), message["data"])

    def pass_on_saying(self, channel: str, data: bytes) -> None:
        """The channel says whose; what does not look like ours is dropped."""
        try:
            organization_id = OrganizationId(UUID(channel.split(":")[1]))
            said: Any = json.loads(data) if len(data) <= _LONGEST_SAYING else None
        except ValueError:
            return
        frame = self._programme.of_saying(said) if isinstance(said, dict) else None
        if frame is not None:
            self._hub.pass_on(organization_id, frame)
