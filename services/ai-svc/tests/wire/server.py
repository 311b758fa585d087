"""One HTTP server on a port of its own: keeps what it was asked, and answers by the script.

Written on sockets, so that an answer can stop in the middle of a chunk.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from wire.replies import HangsUp, Page, Refuses, Reply, Says, Stalls

_JSON = "application/json"
_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def text(self) -> str:
        """All of the body, to look for what may not be there."""
        return json.dumps(self.body, ensure_ascii=False)


class WireServer(ABC):
    """What every protocol shares. `url` goes where the provider's base URL is set."""

    base_path: ClassVar[str] = ""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.hung_up = 0
        """How often the client was gone before the answer was whole."""
        self.left = asyncio.Event()
        """Set with the first that was."""
        self.arrived = asyncio.Event()
        """Set with every request: for who has to act in the middle of one."""
        self._script: deque[Reply] = deque()
        self._always: Callable[[Asked], Reply] = lambda _: Says(text="Certo.")
        self._going_on = asyncio.Event()
        self._port = 0
        self._answering: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The base URL the client is given."""
        return f"http://127.0.0.1:{self._port}{self.base_path}"

    def then(self, *replies: Reply) -> Self:
        """The next requests are answered so, one each."""
        self._script.extend(replies)
        return self

    def always(self, reply: Reply | Callable[[Asked], Reply]) -> Self:
        """What is answered when the script is at its end; a function makes a scripted model."""
        self._always = reply if callable(reply) else lambda _: reply
        return self

    def go_on(self) -> None:
        """Whatever stalls goes on, now and from now on."""
        self._going_on.set()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Listens meanwhile."""
        wire = cls()
        listener = await asyncio.start_server(wire._accept, "127.0.0.1", 0)
        wire._port = listener.sockets[0].getsockname()[1]
        try:
            yield wire
        finally:
            listener.close()
            for task in wire._answering:
                task.cancel()
            await asyncio.gather(*wire._answering, return_exceptions=True)

    @abstractmethod
    def whole(self, asked: Asked, says: Says) -> Any:
        """The answer as one JSON."""

    @abstractmethod
    def events(self, asked: Asked, says: Says) -> Iterator[tuple[int, str]]:
        """The answer as server-sent events, each with the number of words sent by then."""

    @abstractmethod
    def refusal(self, status: int, code: str | None) -> Any:
        """An error as the protocol words it."""

    @abstractmethod
    def failure_event(self) -> str:
        """An error in the middle of a stream."""

    def garbled_event(self) -> str:
        """An event whose data is no JSON."""
        return 'data: {"choices": [{"del\n\n'

    @abstractmethod
    def streams(self, asked: Asked) -> bool:
        """Whether a stream is asked for."""

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._answering.add(task)
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            self.arrived.set()
            reply = self._script.popleft() if self._script else self._always(asked)
            await self._answer(asked, reply, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up += 1
            self.left.set()
        except asyncio.CancelledError:
            pass  # the server is closed; a task that ends cancelled here is logged as a failure
        finally:
            self._answering.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(
        self,
        asked: Asked,
        reply: Reply,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        match reply:
            case HangsUp():
                return
            case Stalls():
                await self._stall(reader)
                await _send(writer, 200, json.dumps(self.whole(asked, Says(text="Tarde."))))
            case Page(body, content_type):
                await _send(writer, 200, body, content_type)
            case Refuses(status, retry_after, code):
                extra = {} if retry_after is None else {"retry-after": retry_after}
                await _send(writer, status, json.dumps(self.refusal(status, code)), headers=extra)
            case Says() if self.streams(asked):
                await self._stream(asked, reply, reader, writer)
            case Says():
                if reply.stalls_after is not None:
                    await self._stall(reader)
                await self._at_once(asked, reply, writer)

    async def _at_once(self, asked: Asked, says: Says, writer: asyncio.StreamWriter) -> None:
        body = json.dumps(self.whole(asked, says))
        if says.garbled_after is not None:
            body = body[: len(body) // 2]
        if says.cut_after is not None and not says.cleanly:
            writer.write(_head(200, _JSON, {"content-length": str(len(body.encode()))}))
            writer.write(body[: len(body) // 2].encode())
            await writer.drain()
            return
        await _send(writer, 200, body)

    async def _stream(
        self,
        asked: Asked,
        says: Says,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        writer.write(_head(200, _EVENTS, {"transfer-encoding": "chunked"}))
        await writer.drain()
        for words, event in self.events(asked, says):
            if says.stalls_after is not None and words > says.stalls_after:
                await self._stall(reader)
            if says.cut_after is not None and words > says.cut_after:
                break
            if says.garbled_after is not None and words > says.garbled_after:
                await _chunk(writer, self.garbled_event())
                break
            if says.fails_after is not None and words > says.fails_after:
                await _chunk(writer, self.failure_event())
                break
            if reader.at_eof():
                raise ConnectionResetError
            await _chunk(writer, event)
        if says.cut_after is not None and not says.cleanly:
            return
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _stall(self, reader: asyncio.StreamReader) -> None:
        """Until `go_on`, or until the client is gone."""
        if self._going_on.is_set():
            return
        going_on = asyncio.ensure_future(self._going_on.wait())
        gone = asyncio.ensure_future(reader.read(1))
        try:
            done, _ = await asyncio.wait({going_on, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (going_on, gone):
                waiting.cancel()
        if gone in done:
            raise ConnectionResetError


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    raw = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, json.loads(raw) if raw else None)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: str,
    content_type: str = _JSON,
    headers: Mapping[str, str] | None = None,
) -> None:
    content = body.encode()
    extra = {"content-length": str(len(content)), **(headers or {})}
    writer.write(_head(status, content_type, extra) + content)
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, text: str) -> None:
    content = text.encode()
    writer.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")
    await writer.drain()


def _head(status: int, content_type: str, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Wire",
        f"content-type: {content_type}",
        "connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
