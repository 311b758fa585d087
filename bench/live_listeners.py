"""The process that listens: thousands of connections to `GET /stream`, and when each heard what.

Reads a plan as one line of JSON on stdin. Writes a line of JSON once all are connected, and one for
each event that all have heard; instants are those of the machine's monotonic clock. Ends when stdin
does.
"""

import asyncio
import json
import sys
import time
from typing import Any, Final, cast

import uvloop

_HEAD: Final = (
    "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n"
)
_LIVE: Final = b"HTTP/1.1 200"
_READY: Final = b"event: ready\n"
_AT_ONCE: Final = 100
"""Connections that are being opened at the same time, as after a restart of the service."""


class Hall:
    """Everybody who listens, and how many have heard each event."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.connections: int = plan["connections"]
        self.told = f"event: {plan['event']}\n".encode()
        self.head = _HEAD.format(token=plan["token"]).encode()
        self._heard: list[list[float]] = []

    def hears(self, number: int) -> None:
        """One listener hears its event of that number."""
        while len(self._heard) <= number:
            self._heard.append([])
        instants = self._heard[number]
        instants.append(time.perf_counter())
        if len(instants) == self.connections:
            _say(heard=instants)


class Listener(asyncio.Protocol):
    """One connection. `ready` is done when the service says that it is live."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._rest = b""
        self._events = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asks for the stream."""
        # uvloop's transports are none of asyncio's.
        cast("asyncio.WriteTransport", transport).write(self._hall.head)

    def data_received(self, data: bytes) -> None:
        """Looks for what was told; a line may come in two pieces."""
        if not self.ready.done() and not self._rest and not data.startswith(_LIVE):
            self.ready.set_exception(ConnectionRefusedError(data[:100]))
            return
        seen, told = self._rest + data, self._hall.told
        self._rest = seen[1 - len(told) :]
        if not self.ready.done() and _READY in seen:
            self.ready.set_result(None)
        for _ in range(seen.count(told)):
            self._hall.hears(self._events)
            self._events += 1

    def connection_lost(self, error: Exception | None) -> None:
        """Before it was ready: the bench fails rather than wait."""
        if not self.ready.done():
            self.ready.set_exception(error or ConnectionResetError("refused"))


async def listen(plan: dict[str, Any]) -> None:
    """Connect all, then only listen."""
    loop = asyncio.get_running_loop()
    hall, turnstile = Hall(plan), asyncio.Semaphore(_AT_ONCE)

    async def connect() -> float:
        async with turnstile:
            began = time.perf_counter()
            _, listener = await loop.create_connection(
                lambda: Listener(hall), "127.0.0.1", plan["port"]
            )
            await listener.ready
            return time.perf_counter() - began

    began = time.perf_counter()
    took = await asyncio.gather(*(connect() for _ in range(hall.connections)))
    _say(connected=took, seconds=time.perf_counter() - began)
    await loop.run_in_executor(None, sys.stdin.read)


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(listen(json.loads(sys.stdin.readline())))
