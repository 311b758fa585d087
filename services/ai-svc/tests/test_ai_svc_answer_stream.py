"""An answer while it is written: verified before it is final, stopped when nobody listens."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from fastapi import FastAPI
from openai import AsyncOpenAI
from starlette.types import Message

from ai_svc.modules.rag.asking import Asking
from ai_svc.modules.rag.dependencies import Answerers
from ai_svc.modules.rag.provider import ProviderModel
from ai_svc.modules.rag.written import Written

pytestmark = pytest.mark.committed

ASK = "/api/v1/rag/ask"
QUESTION = "Qual o valor do auxílio-creche?"
TRUE_QUOTE = "no valor de R$ 850,00 por mês"
EVENTS = {"accept": "text/event-stream"}

Pieces = Callable[[], AsyncIterator[bytes]]


def events_of(body: str) -> list[tuple[str, Any]]:
    """Names and data, in order."""
    found = []
    for block in body.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append((fields["event"], json.loads(fields["data"])))
    return found


async def streamed(person: Person, question: str = QUESTION) -> list[tuple[str, Any]]:
    answer = await person.post(ASK, json={"question": question}, headers=EVENTS)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    return events_of(answer.text)


def text_of(events: list[tuple[str, Any]]) -> str:
    """What a client shows at the end."""
    shown = ""
    for name, data in events:
        shown = "" if name == "reset" else shown + data["text"] if name == "delta" else shown
    return shown


def chunk(content: str) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps({**body, "choices": [choice]}).encode() + b"\n\n"


def usage() -> bytes:
    tokens = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    said = json.dumps({**body, "choices": [], "usage": tokens}).encode()
    return b"data: " + said + b"\n\ndata: [DONE]\n\n"


def reply(answer: str, *quotes: str) -> str:
    citations = [{"passage": 1, "quote": quote} for quote in quotes]
    return json.dumps({"found": True, "answer": answer, "citations": citations})


def in_pieces(text: str) -> Pieces:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(text), 7):
            yield chunk(text[start : start + 7])
        yield usage()

    return pieces


class Wire:
    """The provider's side: what it says next, and whether the line was cut."""

    def __init__(self) -> None:
        self.pieces: Pieces = in_pieces("")
        self.closed = False
        self.status = 200

    async def handle(self, _: httpx2.Request) -> httpx2.Response:
        """At the wire."""
        headers = {"content-type": "text/event-stream"}
        return httpx2.Response(self.status, headers=headers, content=self._body())

    async def _body(self) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self.pieces():
                yield piece
        finally:
            self.closed = True


@pytest.fixture
def wire(app: FastAPI) -> Iterator[Wire]:
    """The service answers through a provider for the time of the test."""
    wire = Wire()
    client = AsyncOpenAI(
        api_key="test",
        base_url="http://llm.test/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(wire.handle)),
    )
    before: Answerers = app.state.answerers
    app.state.answerers = Answerers(first=ProviderModel(client, "wire-model", time_limit=5))
    yield wire
    app.state.answerers = before


async def test_built_in_answer_comes_as_events(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)

    events = await streamed(ana)

    names = [name for name, _ in events]
    assert names == ["passages", "delta", "sources", "done"]
    passages, _, sources, done = (data for _, data in events)
    assert passages[0]["document_id"] == str(document_id)
    assert text_of(events) == done["answer"]
    assert sources == done["sources"]
    assert (done["abstained"], done["model"], done["cached"]) == (False, "extractive", False)
    content = await ana.content(document_id)
    assert sources[0]["quote"] == content[sources[0]["char_start"] : sources[0]["char_end"]]


async def test_field_of_the_body_asks_for_events_too(ana: Person) -> None:
    answer = await ana.post(ASK, json={"question": QUESTION, "stream": True})

    assert events_of(answer.text)[-1][0] == "done"


async def test_declined_question_says_what_to_do(ana: Person) -> None:
    events = await streamed(ana)

    assert [name for name, _ in events] == ["passages", "delta", "sources", "done"]
    assert (events[0][1], events[2][1]) == ([], [])
    assert events[-1][1]["abstained"] is True
    assert "envie um documento" in text_of(events)


async def test_cached_answer_is_streamed_at_once(ana: Person) -> None:
    await ana.index(HOLIDAYS)
    first = await streamed(ana)

    again = await streamed(ana)

    assert again[-1][1]["cached"] is True
    assert text_of(again) == text_of(first)


async def test_providers_text_comes_while_it_is_written(ana: Person, wire: Wire) -> None:
    await ana.index(HOLIDAYS)
    wire.pieces = in_pieces(reply('São "R$ 850,00" por mês 😀. [1]', TRUE_QUOTE))

    events = await streamed(ana)

    deltas = [data["text"] for name, data in events if name == "delta"]
    done = events[-1][1]
    assert len(deltas) > 2
    assert text_of(events) == done["answer"] == 'São "R$ 850,00" por mês 😀. [1]'
    assert (done["model"], done["tokens_used"]) == ("wire-model", 120)
    assert [source["quote"] for source in done["sources"]] == [TRUE_QUOTE]
    assert done["prompt_version"] == "answer_question.v1"


async def test_invented_quote_takes_its_mark_back(ana: Person, wire: Wire) -> None:
    await ana.index(HOLIDAYS)
    wire.pieces = in_pieces(reply("Até 12 anos. [1] R$ 850,00. [2]", "doze anos", TRUE_QUOTE))

    events = await streamed(ana)

    assert "reset" in [name for name, _ in events]
    assert text_of(events) == events[-1][1]["answer"] == "Até 12 anos. R$ 850,00. [1]"


async def broken() -> AsyncIterator[bytes]:
    yield chunk('{"found": true, "answer": "São R$ 9')
    raise httpx2.ReadError("line is dead")


@pytest.mark.parametrize(
    "pieces",
    [
        in_pieces(reply("São R$ 9,00. [1]", "no valor de R$ 9,00")),
        in_pieces("São R$ 9,00, com certeza."),
        in_pieces('{"found": true, "answer": "São R$ \\x'),
        broken,
    ],
    ids=["invented", "prose", "no string", "broken off"],
)
async def test_text_that_does_not_hold_is_taken_back(
    ana: Person, wire: Wire, pieces: Pieces
) -> None:
    await ana.index(HOLIDAYS)
    wire.pieces = pieces

    events = await streamed(ana)

    done = events[-1][1]
    assert done["model"] == "extractive"
    assert text_of(events) == done["answer"]
    assert "R$ 850,00" in done["answer"]


async def test_provider_that_is_down_is_replaced(ana: Person, wire: Wire) -> None:
    await ana.index(HOLIDAYS)
    wire.status = 503

    assert (await streamed(ana))[-1][1]["model"] == "extractive"


async def test_document_deleted_while_it_is_written_is_not_quoted(ana: Person, wire: Wire) -> None:
    document_id = await ana.index(HOLIDAYS)

    async def deleting() -> AsyncIterator[bytes]:
        yield chunk(reply("São R$ 850,00. [1]", TRUE_QUOTE))
        await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")
        yield usage()

    wire.pieces = deleting
    events = await streamed(ana)

    assert events[-1][1]["abstained"] is True
    assert events[-1][1]["sources"] == []
    assert "850" not in text_of(events)


async def test_no_transaction_is_open_while_it_is_written(
    ana: Person, app: FastAPI, wire: Wire
) -> None:
    await ana.index(HOLIDAYS)
    taken: list[int] = []

    async def observing() -> AsyncIterator[bytes]:
        async for piece in in_pieces(reply("R$ 850,00 [1]", TRUE_QUOTE))():
            pool: Any = app.state.workshop.database.engines[0].sync_engine.pool
            taken.append(pool.checkedout())
            yield piece

    wire.pieces = observing
    await streamed(ana)

    assert set(taken) == {0}


async def test_error_after_the_start_is_an_event(
    ana: Person, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ana.index(HOLIDAYS)
    wire.pieces = in_pieces(reply("São R$ 850,00. [1]", TRUE_QUOTE))

    async def failing(*_: Any) -> Any:
        raise RuntimeError("boom")

    monkeypatch.setattr(Asking, "verified", failing)
    events = await streamed(ana)

    name, said = events[-1]
    assert (name, said["code"]) == ("error", "INTERNAL_ERROR")
    assert "boom" not in str(events)
    assert said["request_id"]
    assert "sources" not in [name for name, _ in events]


async def test_who_hangs_up_stops_the_provider(ana: Person, app: FastAPI, wire: Wire) -> None:
    await ana.index(HOLIDAYS)
    heard = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield chunk('{"found": true, "answer": "São ')
        await asyncio.Event().wait()

    async def receive() -> Message:
        if parts:
            return {"type": "http.request", "body": parts.pop(), "more_body": False}
        await heard.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if b"delta" in message.get("body", b""):
            heard.set()

    wire.pieces = endless
    sent: list[Message] = []
    body = json.dumps({"question": QUESTION, "stream": True}).encode()
    parts = [body]
    headers = {**ana.headers, "content-type": "application/json", "content-length": str(len(body))}
    scope = {
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
    async with asyncio.timeout(10):
        await app(scope, receive, send)

    assert wire.closed is True
    assert not any(b"event: done" in message.get("body", b"") for message in sent)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 1000])
@pytest.mark.parametrize(
    "text",
    ["", "São 30 dias.", 'a "b" \\ c\n\td / e', "😀 é \u2028 fim", "\\u0041 \\\\", "\\" * 7],
)
def test_text_is_read_out_of_unfinished_json(text: str, size: int) -> None:
    for ascii_only in (True, False):
        said = json.dumps({"found": True, "answer": text, "citations": []}, ensure_ascii=ascii_only)
        written = Written(most=10_000)
        parts = [written.add(said[at : at + size]) for at in range(0, len(said), size)]

        assert "".join(parts) == text
        assert written.whole == said


def test_reply_without_end_is_refused() -> None:
    written = Written(most=100)

    with pytest.raises(ValueError, match="too long"):
        written.add("x" * 101)
