"""A caller who goes away ends the work done for them; one who stays is told that it goes on."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ai_svc.modules.compatible.pieces import Piece, Quiet
from chassis.web.errors import DomainError

T = TypeVar("T")
_AHEAD: Final = 16
"""Pieces that may wait for a slow reader."""
HEARTBEAT_SECONDS: Final = 10.0
"""Proxies hang up on a line that is silent for long."""
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}


class CallerGone(DomainError):
    """Nobody is there to read the answer."""

    message = "A conexão foi encerrada por quem perguntou."


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; CallerGone, and the work cancelled, when the caller hangs up first.

    The request's body has been read by then, so that the next message is the goodbye.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_goodbye(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerGone
        return task.result()
    finally:
        await _ended(task, gone)


class Pump:
    """Brings pieces from a task of their own, which is the only one to touch their generator: time
    limits within it are bound to the task that began them."""

    def __init__(self, pieces: AsyncGenerator[Piece, None]) -> None:
        self._queue: asyncio.Queue[Piece | Exception | None] = asyncio.Queue(_AHEAD)
        self._task = asyncio.create_task(self._bring(pieces))
        self._first: Piece | Quiet | None = None

    async def begin(self, request: Request) -> None:
        """Until the first piece is there, or it takes long. Raises what came instead of it, and
        CallerGone."""
        try:
            self._first = await unless_gone(request, self._next())
        except BaseException:
            await self.close()
            raise

    async def pieces(self) -> AsyncIterator[Piece | Quiet]:
        """From the first to the last, and what is to be said in between."""
        piece = self._first
        while piece is not None:
            yield piece
            piece = await self._next()

    async def close(self) -> None:
        """Ends the work, if it has not ended."""
        await _ended(self._task)

    async def _next(self) -> Piece | Quiet | None:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                piece = await self._queue.get()
        except TimeoutError:
            return Quiet()
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def _bring(self, pieces: AsyncGenerator[Piece, None]) -> None:
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    await self._queue.put(piece)
        except Exception as error:  # noqa: BLE001 - whoever reads the pieces raises it
            await self._queue.put(error)
        else:
            await self._queue.put(None)


class Streamed(StreamingResponse):
    """Server-sent events made from a pump, which ends with them."""

    def __init__(self, events: AsyncIterator[bytes], pump: Pump) -> None:
        super().__init__(events, media_type="text/event-stream", headers=_HEADERS)
        self._pump = pump

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pump.close()


async def _goodbye(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
