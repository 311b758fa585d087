"""A caller who goes away ends the work done for them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request

from chassis.web.errors import DomainError

T = TypeVar("T")


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
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _goodbye(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
