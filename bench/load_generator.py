"""The process that sends requests: HTTP/1.1, keep-alive, one request in flight per connection.

Reads a plan as JSON on stdin, writes what it saw as JSON on stdout. Bounded by time and by count,
loopback only.
"""

import asyncio
import json
import sys
import time
from itertools import cycle
from typing import Any, Final, cast

import httptools
import uvloop

from bench.figures import percentile

_LOOPBACK: Final = "127.0.0.1"
_MAXIMUM_SECONDS: Final = 120.0


class Load:
    """The plan, and what was seen so far. What is sent during the warm-up is not counted."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.port: int = plan["port"]
        self.connections: int = plan["connections"]
        self.pause: float = plan["pause_seconds"]
        self._requests = cycle([_encode(entry, self.port) for entry in plan["requests"]])
        self._left: int = plan["count"]
        now = time.perf_counter()
        self._count_from = now + plan["warm_up_seconds"]
        self._stop_at = self._count_from + min(plan["seconds"], _MAXIMUM_SECONDS)
        self.latencies: list[float] = []
        self.statuses: dict[int, int] = {}
        self.broken = 0
        self.first_sent: float | None = None
        self.last_seen = now

    def next_request(self) -> bytes | None:
        """The next request to send, or None when time or count are used up."""
        # One is counted, however slow it is.
        is_over = time.perf_counter() >= self._stop_at and self.latencies
        if self._left <= 0 or is_over:
            return None
        self._left -= 1
        return next(self._requests)

    def record(self, sent: float, status: int) -> None:
        """An answer came in."""
        now = time.perf_counter()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if sent >= self._count_from:
            self.first_sent = sent if self.first_sent is None else self.first_sent
            self.last_seen = now
            self.latencies.append((now - sent) * 1000)

    def report(self) -> dict[str, Any]:
        """What was seen, latencies in milliseconds."""
        ordered = sorted(self.latencies)
        seconds = self.last_seen - self.first_sent if self.first_sent is not None else 0.0
        names = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
        return {
            "count": len(ordered),
            "seconds": seconds,
            "statuses": self.statuses,
            "broken": self.broken,
            "latencies_ms": {
                name: percentile(ordered, share) if ordered else 0.0
                for name, share in names.items()
            },
        }


class _Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None
        self._in_flight = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not isinstance: uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._in_flight = False
        self._load.record(self._sent, self._parser.get_status_code())
        self._parser = httptools.HttpResponseParser(self)
        if self._load.pause:
            asyncio.get_running_loop().call_later(self._load.pause, self._send)
        else:
            # Not from inside the parser's callback: it still works on this answer.
            asyncio.get_running_loop().call_soon(self._send)

    def connection_lost(self, _exc: Exception | None) -> None:
        if self._in_flight:
            self._load.broken += 1
        if not self.finished.done():
            self.finished.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        request = None if self._transport.is_closing() else self._load.next_request()
        if request is None:
            self._transport.close()
            return
        self._in_flight = True
        self._sent = time.perf_counter()
        self._transport.write(request)


def _encode(request: dict[str, Any], port: int) -> bytes:
    body: bytes = request.get("body", "").encode()
    headers = {"Host": f"{_LOOPBACK}:{port}", **request["headers"]}
    if body:
        headers["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{request['method']} {request['path']} HTTP/1.1\r\n{head}\r\n".encode() + body


async def generate(plan: dict[str, Any]) -> dict[str, Any]:
    """Run the plan to its end."""
    load = Load(plan)
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(load), _LOOPBACK, load.port)
        for _ in range(load.connections)
    ]
    await asyncio.gather(*(connection.finished for _, connection in made))
    return load.report()


if __name__ == "__main__":
    given = json.load(sys.stdin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(runner.run(generate(given)), sys.stdout)
