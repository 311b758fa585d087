"""Many conversations at once with the built-in model: how soon each hears something.

`python -m bench chat`.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from bench.chassis_database import open_database
from bench.figures import Figure, Goal, Outcome, figure, percentile, ratios
from bench.key_server import running_identity
from bench.servers import Servers, running_servers
from bench.service_process import running_service
from chassis.data.object_storage import ObjectStorage
from chassis.settings import StorageSettings
from knowledge.assembly import open_ingestion
from knowledge.embedders.local import LocalEmbedder
from knowledge.models import SCHEMA
from knowledge.settings import IngestionSettings

_PARALLEL: Final = 20
_MESSAGES: Final = 4
_ROUNDS: Final = 5
_SERVICES_PER_DOCUMENT: Final = 20
_LONGEST_PAUSE: Final = 4.0
_PATIENCE_SECONDS: Final = 120.0
_JSON: Final = "application/json"
_EVENT_GOAL: Final = Goal(below=100)
_DELTA_GOAL: Final = Goal(below=500)
_EVENTS: Final = {"accept": "text/event-stream"}

METHOD: Final = f"""
One ai-svc process under uvicorn, durable PostgreSQL, no key: the built-in model. A price list of
{_ROUNDS * _PARALLEL * (_MESSAGES + 1)} made-up services in Portuguese is indexed beforehand. In
each of {_ROUNDS} rounds {_PARALLEL} people converse at the same time, each in a conversation of
their own, {_MESSAGES} questions one after the other, no question twice in a conversation, over
server-sent events. The clock runs from the request until `start`, the first `delta` and `done`
were received. *With pauses* a person thinks for up to {_LONGEST_PAUSE:g} s before each question
(evenly spread); *at once* nobody does, and the process works all the time. Beside the latter, with
as many questions, `POST /rag/ask` over events: the same search and the same model, without a
conversation, an agent or a tool.
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
    ):
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{ai_svc.port}/api/v1",
            headers={"Authorization": f"Bearer {identity.token('ana')}"},
            timeout=_PATIENCE_SECONDS,
            limits=httpx.Limits(max_connections=2 * _PARALLEL),
            trust_env=False,
        ) as http:
            await _fill(http, servers)
            seen: dict[str, list[_Heard]] = {"paused": [], "at once": [], "asked": []}
            await _round(http, 0)  # what is slow only once
            for number in range(_ROUNDS):
                seen["asked"].append(await _round(http, number, in_conversations=False))
                seen["at once"].append(await _round(http, number))
                seen["paused"].append(await _round(http, number, pauses=True))
    return Outcome(METHOD, _figures(seen))


def _figures(seen: dict[str, list[_Heard]]) -> list[Figure]:
    def shares(which: str, what: str, share: float) -> list[float]:
        return [percentile(sorted(getattr(each, what)), share) for each in seen[which]]

    at_once = shares("at once", "delta", 0.95)
    asked = shares("asked", "delta", 0.95)
    return [
        figure("with pauses: first event, p95", shares("paused", "first", 0.95), "ms", _EVENT_GOAL),
        figure("with pauses: first delta, p95", shares("paused", "delta", 0.95), "ms", _DELTA_GOAL),
        figure("with pauses: first delta, p50", shares("paused", "delta", 0.5), "ms"),
        figure("with pauses: whole answer, p95", shares("paused", "end", 0.95), "ms"),
        figure("at once: first event, p95", shares("at once", "first", 0.95), "ms"),
        figure("at once: first delta, p95", at_once, "ms"),
        figure("at once: first delta, p50", shares("at once", "delta", 0.5), "ms"),
        figure("`rag/ask` at once: first delta, p95", asked, "ms"),
        ratios("first delta over `rag/ask`, p95", at_once, asked, None),
    ]


async def _round(
    http: httpx.AsyncClient, number: int, *, in_conversations: bool = True, pauses: bool = False
) -> _Heard:
    heard = _Heard()
    people = range(number * _PARALLEL, (number + 1) * _PARALLEL)
    if in_conversations:
        talks = [_talk(http, person, heard, pauses=pauses) for person in people]
    else:
        talks = [_questions(http, person, heard) for person in people]
    await asyncio.gather(*talks)
    return heard


async def _talk(http: httpx.AsyncClient, person: int, heard: _Heard, *, pauses: bool) -> None:
    thinking = random.Random(person)
    conversation = await _made(http, "/chat/conversations", title="Preços")
    for asked in _asked_by(person):
        if pauses:
            await asyncio.sleep(thinking.uniform(0, _LONGEST_PAUSE))
        path = f"/chat/conversations/{conversation}/messages"
        await _ask(http, path, {"content": asked}, heard)


async def _questions(http: httpx.AsyncClient, person: int, heard: _Heard) -> None:
    for asked in _asked_by(person):
        await _ask(http, "/rag/ask", {"question": asked}, heard)


def _asked_by(person: int) -> list[str]:
    first = person * (_MESSAGES + 1)
    return [f"Quanto custa {_service(first + number)}?" for number in range(_MESSAGES)]


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


async def _fill(http: httpx.AsyncClient, servers: Servers) -> None:
    count = _ROUNDS * _PARALLEL * (_MESSAGES + 1)
    for first in range(0, count, _SERVICES_PER_DOCUMENT):
        lines = [
            f"{_service(number).capitalize()} custa R$ {number % 97 + 10},50 e fica pronto em"
            f" {number % 29 + 2} dias úteis."
            for number in range(first, min(count, first + _SERVICES_PER_DOCUMENT))
        ]
        await _made(http, "/rag/documents", title=f"Preços {first}", text="\n\n".join(lines))
    storage = ObjectStorage.at(StorageSettings(url=servers.environment()["STORAGE_URL"]))
    async with (
        open_database(servers, SCHEMA) as database,
        open_ingestion(database, storage, LocalEmbedder(), IngestionSettings()) as ingestion,
    ):
        while await ingestion.drain_once("bench"):
            pass


async def _made(http: httpx.AsyncClient, path: str, **given: Any) -> str:
    answer = await http.post(path, content=json.dumps(given), headers={"content-type": _JSON})
    answer.raise_for_status()
    return str(answer.json()["data"]["id"])
