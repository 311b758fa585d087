"""One connection over HTTP, from joining the hub to leaving it."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Final

from fastapi.sse import EventSourceResponse
from starlette.types import Send

from chassis.web.live import frames
from chassis.web.live.frames import Frame
from chassis.web.live.hub import Connection, Hub
from shared_schemas.actor import Actor

HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class LiveResponse(EventSourceResponse):
    """Joins when the answer begins and leaves when it ends, however it ends.

    Frames are encoded already, and thousands share them: so none of FastAPI's machinery for
    generators, which would encode each one per connection.
    """

    gather_seconds: ClassVar[float] = 0.0
    """How long more is waited for before what has come is told, as one."""

    def __init__(self, hub: Hub, actor: Actor, last_seen: str | None, expires_at: float) -> None:
        super().__init__((), headers=_HEADERS)  # what it says is made when it begins
        self._hub = hub
        self._actor = actor
        self._last_seen = last_seen
        self._expires_at = expires_at

    async def stream_response(self, send: Send) -> None:
        """Starlette cancels this as soon as the client hangs up."""
        connection, first = self._hub.join(self._actor, self._last_seen)
        self.body_iterator = self._said(connection, first)
        try:
            await super().stream_response(send)
        finally:
            self._hub.leave(connection)

    async def told(self, said: Sequence[Frame]) -> bytes:
        """What the frames are to this connection."""
        return b"".join(frame.encoded for frame in said)

    async def idle(self) -> bytes:
        """What is said when nothing happens."""
        return frames.HEARTBEAT

    async def _said(self, connection: Connection, first: list[Frame]) -> AsyncIterator[bytes]:
        yield await self.told(first)
        while True:
            left = self._expires_at - time.time()
            if left <= 0:
                yield frames.expired()
                return
            try:
                async with asyncio.timeout(min(HEARTBEAT_SECONDS, left)):
                    said = [await connection.queue.get()]
            except TimeoutError:
                if self._expires_at > time.time():
                    yield await self.idle()
                continue
            if self.gather_seconds:
                await asyncio.sleep(self.gather_seconds)
            while not connection.queue.empty():
                said.append(connection.queue.get_nowait())
            text = await self.told([frame for frame in said if frame is not None])
            if text:
                yield text
            if None in said:
                return
