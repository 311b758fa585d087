"""A run as server-sent events, and as one answer for who waits.

    start        the run has begun: run_id, conversation_id, message_id
    agent        who answers, and how sure that is
    tool_call    a tool is used; tool_result when it has answered
    citation     a checked source of the sentence that comes next
    delta        the next sentence
    proposal     something waits for the person to confirm it
    usage        what it has cost
    done         the whole answer, committed before it is told
    error        the run is over without a whole answer

The `id` of an event is its number within the run: `Last-Event-ID` resumes after it, anywhere.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from starlette.requests import Request
from starlette.types import Send

from ai_svc.modules.chat.live_run import Told

_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_RETRY_MILLISECONDS: Final = 1_000

Following = AsyncGenerator[Told | None, None]


class RunStream(EventSourceResponse):
    """Ends with the run. Who hangs up stops listening, at once."""

    def __init__(self, told: Following) -> None:
        super().__init__((), headers=_HEADERS)
        self._told = told

    async def stream_response(self, send: Send) -> None:
        """Starlette cancels this as soon as the client hangs up."""
        async with aclosing(_encoded(self._told)) as body:
            self.body_iterator = body
            await super().stream_response(send)


async def heard_out(request: Request, told: Following) -> bool:
    """Waits for the last event; False when the client has gone before."""
    hearing = asyncio.create_task(_drain(told))
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({hearing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if hearing.done():
            hearing.result()
        return hearing.done()
    finally:
        for task in (hearing, leaving):
            task.cancel()
        await asyncio.gather(hearing, leaving, return_exceptions=True)


async def _drain(told: Following) -> None:
    async with aclosing(told) as events:
        async for _ in events:
            pass


async def _disconnected(request: Request) -> None:
    # The body was read before: what comes now is that the client is gone.
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _encoded(told: Following) -> AsyncGenerator[bytes, None]:
    async with aclosing(told) as events:
        async for event in events:
            yield KEEPALIVE_COMMENT if event is None else _frame(event)


def _frame(event: Told) -> bytes:
    return bytes(
        format_sse_event(
            event=event.name,
            data_str=event.data,
            id=str(event.number),
            retry=_RETRY_MILLISECONDS if event.number == 1 else None,
        )
    )
