"""Listening to server-sent events of an application in this process, as a server would let it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message


@dataclass
class Told:
    """One server-sent event."""

    event: str
    data: Any
    id: str | None


@dataclass
class Listening:
    """A connection. `asleep`: the client reads nothing, so that the server has to wait."""

    app: ASGIApp
    headers: dict[str, str]
    asleep: bool = False
    path: str = "/api/v1/stream"
    query: str = ""
    method: str = "GET"
    body: bytes = b""
    status: int = 0
    comments: int = 0
    _chunks: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)
    _hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    _told: list[Told] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    async def begin(self) -> "Listening":
        """Waits for the head of the answer."""
        started = asyncio.Event()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("core.test", 80),
        }
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": self.body, "more_body": False}
            await self._hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                started.set()
            elif message.get("body"):
                if self.asleep:
                    await self._awake.wait()
                self._chunks.put_nowait(message["body"])

        self.task = asyncio.create_task(self.app(scope, receive, send))  # type: ignore[arg-type]  # an ASGI call is a coroutine
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait({waiting, self.task}, return_when=asyncio.FIRST_COMPLETED)
        return self

    async def next(self) -> Told:
        """The next event; the test's time limit is the only one."""
        while not self._told:
            self._parse(await asyncio.wait_for(self._chunks.get(), 10))
        return self._told.pop(0)

    async def named(self, name: str) -> Told:
        """The next event, which must be of this name."""
        told = await self.next()
        assert told.event == name, told
        return told

    async def settle(self) -> None:
        """Lets the application say what it has to say now."""
        for _ in range(5):
            await asyncio.sleep(0)

    def unread(self) -> list[Told]:
        """What has come and was not looked at."""
        while not self._chunks.empty():
            self._parse(self._chunks.get_nowait())
        told, self._told = self._told, []
        return told

    def wake(self) -> None:
        """The client reads again."""
        self.asleep = False
        self._awake.set()

    async def hang_up(self) -> None:
        """The client goes; returns once the application has noticed."""
        self._hung_up.set()
        assert self.task is not None
        await asyncio.wait_for(self.task, 10)

    async def ended(self) -> None:
        """The application ends the answer by itself."""
        assert self.task is not None
        await asyncio.wait_for(asyncio.shield(self.task), 10)

    def _parse(self, chunk: bytes) -> None:
        for block in chunk.decode().split("\n\n"):
            lines = [line for line in block.split("\n") if line]
            if not lines:
                continue
            if all(line.startswith(":") for line in lines):
                self.comments += 1
                continue
            fields = dict(line.split(": ", 1) for line in lines)
            self._told.append(Told(fields["event"], json.loads(fields["data"]), fields.get("id")))


Listen = Callable[..., Any]
