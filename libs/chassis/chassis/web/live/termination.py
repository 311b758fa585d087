"""Noticing that the process is told to end, in time for connections that would never end."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_termination(call: Callable[[], None]) -> Iterator[None]:
    """Meanwhile `call` is called, on the event loop, when SIGTERM or SIGINT arrives.

    The server waits for open connections before it ends the application, so that would come too
    late. Whoever handled the signals before, the server, still does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # tests run applications in threads; those end otherwise
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def told(number: int, frame: Any) -> None:
        loop.call_soon_threadsafe(call)
        if callable(before[number]):
            before[number](number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        before[number] = signal.signal(number, told)
    try:
        yield
    finally:
        for restored, handler in before.items():
            signal.signal(restored, handler)
