"""A few runs at a time, where each works the processor from beginning to end.

All at once are done no sooner than one after the other; but whoever asks meanwhile waits for a step
of each. One that waits for somebody else itself lets the next begin.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

AT_ONCE: Final = 6
PATIENCE: Final = 0.25
"""Seconds. Who takes longer waits: for core-api, or for the database."""


class Turns:
    """Of one process. First come, first served."""

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._patience = patience

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Waits for one, and gives it back: in the end, or when it has taken long."""
        await self._free.acquire()
        held = _Held(self._free)
        too_long = asyncio.get_running_loop().call_later(self._patience, held.give_back)
        try:
            yield
        finally:
            too_long.cancel()
            held.give_back()


class _Held:
    """A turn, which is given back once."""

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free: asyncio.Semaphore | None = free

    def give_back(self) -> None:
        """The next may begin."""
        free, self._free = self._free, None
        if free is not None:
            free.release()
