"""One connection over HTTP, from joining the hub to leaving it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final

from fastapi.sse import EventSourceResponse
from starlette.types import Send

from core_api.modules.live import frames
from core_api.modules.live.hub import Connection, Hub
from shared_schemas.actor import Actor

HEARTBEAT_SECONDS: Final = 15.0
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class LiveResponse(EventSourceResponse):
    """Joins when the answer begins and leaves when it ends, however it ends.

    Frames are encoded already, and thousands share them: so none of FastAPI's machinery for
    generators, which would encode each one per connection.
    """

    def __init__(self, hub: Hub, actor: Actor, last_seen: str | None, expires_at: float) -> None:
        super().__init__((), headers=_HEADERS)  # what it says is made when it begins
        self._hub = hub
        self._actor = actor
        self._last_seen = last_seen
        self._expires_at = expires_at

    async def stream_response(self, send: Send) -> None:
        """Starlette cancels this as soon as the client hangs up."""
        connection, first = self._hub.join(self._actor, self._last_seen)
        self.body_iterator = _said(connection, first, self._expires_at)
        try:
            await super().stream_response(send)
        finally:
            self._hub.leave(connection)


async def _said(
    connection: Connection, first: list[bytes], expires_at: float
) -> AsyncIterator[bytes]:
    yield b"".join(first)
    while True:
        left = expires_at - time.time()
        if left <= 0:
            yield frames.expired()
            return
        try:
            async with asyncio.timeout(min(HEARTBEAT_SECONDS, left)):
                said = [await connection.queue.get()]
        except TimeoutError:
            if expires_at > time.time():
                yield frames.HEARTBEAT
            continue
        while not connection.queue.empty():
            said.append(connection.queue.get_nowait())
        yield b"".join(frame for frame in said if frame is not None)
        if None in said:
            return
