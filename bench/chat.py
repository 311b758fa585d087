"""Many conversations at once with the built-in model: how soon each hears something.

`python -m bench chat`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.figures import Figure, Goal, Outcome, figure, percentile, ratios
from bench.key_server import running_identity
from bench.servers import running_servers
from bench.service_process import running_service

_PARALLEL: Final = 20
_MESSAGES: Final = 4
_ROUNDS: Final = 5
_SERVICES_PER_DOCUMENT: Final = 20
_PATIENCE_SECONDS: Final = 120.0
_JSON: Final = "application/json"
_EVENTS: Final = {"accept": "text/event-stream"}

METHOD: Final = f"""
One ai-svc process under uvicorn, durable PostgreSQL, no key: the built-in model. A price list of
{_ROUNDS * _PARALLEL * (_MESSAGES + 1)} made-up services in Portuguese is indexed by a real
worker-svc. In each of {_ROUNDS} rounds {_PARALLEL} people ask at the same time, each in a
conversation of their own, {_MESSAGES} questions one after the other, no question twice, over
server-sent events: first message and later ones alike. The clock runs from the request until
`start`, the first `delta` and `done` were received. Beside it in each round, with as many other
questions, `POST /rag/ask` over events: the same search and the same model, without a conversation,
an agent or a tool.
"""


@dataclass(slots=True)
class _Heard:
    """Milliseconds until something was received."""

    first: list[float] = field(default_factory=list)
    delta: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)


async def measure() -> Outcome:
    """Rounds of conversations, and of questions without one."""
    with (
        running_servers() as servers,
        running_identity() as identity,
        running_service("ai_svc.main:create_app", servers, identity) as ai_svc,
        running_service("worker_svc.main:create_app", servers, identity),
    ):
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ai_svc.port}/api/v1",
            headers={"Authorization": f"Bearer {identity.token('ana')}"},
            timeout=_PATIENCE_SECONDS,
            limits=httpx.Limits(max_connections=2 * _PARALLEL),
            trust_env=False,
        ) as http:
            await _fill(http)
            chats, questions = [], []
            await _round(http, 0, in_conversations=True)  # what is slow only once
            for number in range(_ROUNDS):
                questions.append(await _round(http, number, in_conversations=False))
                chats.append(await _round(http, number, in_conversations=True))
    return Outcome(METHOD, _figures(chats, questions))


def _figures(chats: list[_Heard], questions: list[_Heard]) -> list[Figure]:
    def p95(heard: list[_Heard], name: str) -> list[float]:
        return [percentile(sorted(getattr(each, name)), 0.95) for each in heard]

    def p50(heard: list[_Heard], name: str) -> list[float]:
        return [percentile(sorted(getattr(each, name)), 0.5) for each in heard]

    return [
        figure("first event, p95", p95(chats, "first"), "ms", Goal(below=100)),
        figure("first event, p50", p50(chats, "first"), "ms"),
        figure("first delta, p95", p95(chats, "delta"), "ms", Goal(below=500)),
        figure("first delta, p50", p50(chats, "delta"), "ms"),
        figure("whole answer, p95", p95(chats, "end"), "ms"),
        figure("first delta of `rag/ask`, p95", p95(questions, "delta"), "ms"),
        ratios(
            "first delta over `rag/ask`, p95",
            p95(chats, "delta"),
            p95(questions, "delta"),
            None,
        ),
    ]


async def _round(http: httpx.AsyncClient, number: int, *, in_conversations: bool) -> _Heard:
    heard = _Heard()
    await asyncio.gather(
        *(
            _person(http, number * _PARALLEL + place, heard, in_conversations=in_conversations)
            for place in range(_PARALLEL)
        )
    )
    return heard


async def _person(
    http: httpx.AsyncClient, person: int, heard: _Heard, *, in_conversations: bool
) -> None:
    path, name = "/rag/ask", "question"
    if in_conversations:
        conversation = await _made(http, "/chat/conversations", title="Preços")
        path, name = f"/chat/conversations/{conversation}/messages", "content"
    for number in range(_MESSAGES):
        asked = f"Quanto custa {_service(person * (_MESSAGES + 1) + number)}?"
        # The same words would be answered from what was answered before.
        text = asked if in_conversations else f"Quero saber: {asked}"
        await _ask(http, path, {name: text}, heard)


async def _ask(http: httpx.AsyncClient, path: str, body: dict[str, str], heard: _Heard) -> None:
    begun = time.perf_counter()
    seen: dict[str, float] = {}
    async with _listening(http, path, body) as lines:
        async for line in lines:
            if line.startswith("event: "):
                at = (time.perf_counter() - begun) * 1000
                seen.setdefault("first", at)
                seen[line.removeprefix("event: ")] = seen.get(line.removeprefix("event: "), at)
    if "done" not in seen or "delta" not in seen:
        raise RuntimeError(f"{path}: {sorted(seen)}")
    heard.first.append(seen["first"])
    heard.delta.append(seen["delta"])
    heard.end.append(seen["done"])


@asynccontextmanager
async def _listening(
    http: httpx.AsyncClient, path: str, body: dict[str, str]
) -> AsyncIterator[AsyncIterator[str]]:
    async with http.stream("POST", path, json=body, headers=_EVENTS) as answer:
        if answer.status_code != 200:
            raise RuntimeError((await answer.aread()).decode())
        yield answer.aiter_lines()


def _service(number: int) -> str:
    kinds = ("a certidão", "o alvará", "a licença", "o registro", "a vistoria")
    return f"{kinds[number % len(kinds)]} de número {number + 1000}"


async def _fill(http: httpx.AsyncClient) -> None:
    count = _ROUNDS * _PARALLEL * (_MESSAGES + 1)
    ids = []
    for first in range(0, count, _SERVICES_PER_DOCUMENT):
        lines = [
            f"{_service(number).capitalize()} custa R$ {number % 97 + 10},50 e fica pronto em"
            f" {number % 29 + 2} dias úteis."
            for number in range(first, min(count, first + _SERVICES_PER_DOCUMENT))
        ]
        text = "\n\n".join(lines)
        ids.append(await _made(http, "/rag/documents", title=f"Preços {first}", text=text))
    async with asyncio.timeout(_PATIENCE_SECONDS):
        for each in ids:
            while await _status(http, each) != "indexed":  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.2)


async def _status(http: httpx.AsyncClient, document_id: str) -> str:
    answer = await http.get(f"/rag/documents/{document_id}")
    answer.raise_for_status()
    return str(answer.json()["data"]["status"])


async def _made(http: httpx.AsyncClient, path: str, **given: Any) -> str:
    answer = await http.post(path, content=json.dumps(given), headers={"content-type": _JSON})
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])
