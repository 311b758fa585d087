"""An answer through the real gateway while it is written: unbuffered, and hanging up is felt."""

import asyncio
import json
from typing import Any

import pytest
from system_event_stream import Event, events
from system_stack import eventually, running_stack

pytestmark = pytest.mark.stack

TEXT = "As férias são de 30 dias corridos por ano."
REPLY = {
    "found": True,
    "answer": "São 30 dias. [1]",
    "citations": [{"passage": 1, "quote": TEXT}],
}
QUESTION = {"question": "Quantos dias de férias?", "stream": True}


class Provider:
    """Says the first half, and the second when it may."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One completion per connection."""
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
        )
        said = json.dumps(REPLY)
        half = said.index(" dias")
        writer.write(piece(said[:half]))
        await writer.drain()
        await asyncio.wait(
            [asyncio.create_task(self.may_end.wait()), asyncio.create_task(self._cut(reader))],
            return_when=asyncio.FIRST_COMPLETED,
        )
        if self.may_end.is_set():
            writer.write(piece(said[half:]) + b"data: [DONE]\n\n")
        writer.close()

    async def _cut(self, reader: asyncio.StreamReader) -> None:
        while await reader.read(65_536):  # the rest of the request
            pass
        self.hung_up.set()


def piece(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**body, "choices": [choice]}).encode() + b"\n\n"


async def test_answer_comes_through_while_it_is_written() -> None:
    provider = Provider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    environment: dict[str, Any] = {
        "LLM_PROVIDER": "openai",
        "LLM_MODEL": "wire-model",
        "OPENAI_API_KEY": "test",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
    }
    starting = running_stack(**environment)
    stack = await asyncio.to_thread(starting.__enter__)
    try:
        async with await stack.client("ana") as ana:
            body = {"title": "Férias", "text": TEXT}
            submitted = await ana.post("/api/v1/rag/documents", json=body)
            path = f"/api/v1/rag/documents/{submitted.json()['data']['id']}"

            async def indexed() -> bool:
                return bool((await ana.get(path)).json()["data"]["status"] == "indexed")

            await eventually(indexed)

            async with asyncio.timeout(30):
                async with ana.stream("POST", "/api/v1/rag/ask", json=QUESTION) as response:
                    async for event in events(response):
                        if event.name == "delta":
                            break
                await provider.hung_up.wait()

                async with ana.stream("POST", "/api/v1/rag/ask", json=QUESTION) as response:
                    assert response.headers["content-type"].startswith("text/event-stream")
                    seen: list[Event] = []
                    async for event in events(response):
                        seen.append(event)
                        if event.name == "delta":
                            provider.may_end.set()  # it came before the provider had finished
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)
        server.close()

    assert seen[0].name == "passages"
    assert (seen[-1].name, seen[-1].data["model"]) == ("done", "wire-model")
    assert seen[-1].data["answer"] == REPLY["answer"]
    assert [source["quote"] for source in seen[-1].data["sources"]] == [TEXT]
