"""`POST /rag/ask` through a provider at the wire, and somebody who listens to its stream."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from ai_svc_brain import thinking_through
from ai_svc_factories import Person
from fastapi import FastAPI
from starlette.types import Message
from wire.openai_wire import OpenAIWire
from wire.replies import Says

ASK: Final = "/api/v1/rag/ask"
MODEL: Final = "wire-model"


def quoting(answer: str, *citations: tuple[int, str], found: bool = True, **changes: Any) -> Says:
    """The JSON the prompt asks for."""
    quoted = [{"passage": passage, "quote": quote} for passage, quote in citations]
    text = json.dumps({"found": found, "answer": answer, "citations": quoted})
    return Says(text=text, **changes)


@asynccontextmanager
async def answering_through(app: FastAPI, **changes: Any) -> AsyncIterator[OpenAIWire]:
    """The service answers through this provider meanwhile."""
    async with (
        OpenAIWire.open() as wire,
        thinking_through(app, {"openai": wire}, openai_model=MODEL, **changes),
    ):
        yield wire


def events_of(body: str) -> list[tuple[str, Any]]:
    """Names and data, in order."""
    found = []
    for block in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def streamed(person: Person, question: str, **body: Any) -> list[tuple[str, Any]]:
    """The events of an answer, once it is whole."""
    headers = {"accept": "text/event-stream"}
    answer = await person.post(ASK, json={"question": question, **body}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_of(answer.text)


def text_of(events: list[tuple[str, Any]]) -> str:
    """What a client shows at the end."""
    shown = ""
    for name, data in events:
        shown = "" if name == "reset" else shown + data["text"] if name == "delta" else shown
    return shown


async def listen(
    app: FastAPI, person: Person, question: str, at_first: Callable[[], Awaitable[bool]]
) -> str:
    """What a client hears that does something at the first words; where that says False, the client
    is gone."""
    body = json.dumps({"question": question, "stream": True}).encode()
    heard: list[bytes] = []
    gone, parts = asyncio.Event(), [body]

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said = message.get("body", b"")
        is_first = b"event: delta" in said and not any(b"event: delta" in each for each in heard)
        heard.append(said)
        if is_first and not await at_first():
            gone.set()

    async with asyncio.timeout(10):
        await app(_scope(person, body), receive, send)
    return b"".join(heard).decode()


def _scope(person: Person, body: bytes) -> dict[str, Any]:
    headers = {
        **person.headers,
        "content-type": "application/json",
        "content-length": str(len(body)),
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": ASK,
        "raw_path": ASK.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": ("ai.test", 80),
        "client": ("127.0.0.1", 1),
        "state": {},
    }
