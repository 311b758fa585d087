"""A server that speaks the embeddings protocol of OpenAI, with the faults a test asks for."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

DIMENSIONS = 1536


@dataclass
class EmbeddingServer:
    """`faults` are statuses answered first, in order; a fault of 0 hangs up without an answer.

    `before_answer` happens while somebody waits for it.
    """

    faults: list[int] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    dimensions: int = DIMENSIONS
    shuffled: bool = False
    body: Any = None  # answered instead of vectors
    before_answer: Callable[[], Awaitable[None]] | None = None
    port: int = 0
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """On a free loopback port."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Closes the port."""
        if self._server is not None:
            self._server.close()

    @property
    def url(self) -> str:
        """As in OPENAI_BASE_URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        request = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append(request)
        self.authorizations.append(headers["authorization"])
        if self.before_answer is not None:
            await self.before_answer()
        fault = self.faults.pop(0) if self.faults else 200
        if fault:
            body = json.dumps(self._body(request) if fault == 200 else {"error": {"message": "x"}})
            writer.write(
                f"HTTP/1.1 {fault} X\r\ncontent-type: application/json\r\nconnection: close\r\n"
                f"content-length: {len(body)}\r\n\r\n{body}".encode()
            )
            await writer.drain()
        writer.close()

    def _body(self, request: dict[str, Any]) -> Any:
        if self.body is not None:
            return self.body
        rows = [
            {"object": "embedding", "index": index, "embedding": self._vector(text)}
            for index, text in enumerate(request["input"])
        ]
        if self.shuffled:
            rows.reverse()
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return {"object": "list", "model": request["model"], "data": rows, "usage": usage}

    def _vector(self, text: str) -> list[float]:
        """Points to the length of the text, and is twice as long as it should be."""
        return [
            2.0 if place == len(text) % self.dimensions else 0.0 for place in range(self.dimensions)
        ]
