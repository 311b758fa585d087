"""The mail server of the whole-system tests, in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mail_server import MailServer, mail_server


@contextmanager
def receiving_mails() -> Iterator[MailServer]:
    """Listens meanwhile."""
    loop, ready, done = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    servers: list[MailServer] = []

    async def listen() -> None:
        async with mail_server() as server:
            servers.append(server)
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(listen(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the mail server does not listen"
    try:
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()
