"""Work of the processor, off the event loop: one thread, since Python runs one at a time anyway."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Compute:
    """Calls functions in its thread, in the order asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="compute")

    async def __call__(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What `work` returns. Cancelling stops waiting, not the work."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *args, **kwargs))

    def close(self) -> None:
        """Lets the current call end and forgets the waiting ones."""
        self._thread.shutdown(wait=True, cancel_futures=True)
