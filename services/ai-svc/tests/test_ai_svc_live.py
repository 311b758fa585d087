"""Following documents: what changes is told at once to who may read it, and to nobody else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
from access_factories import SERVICE, CoreApi
from ai_svc_factories import DOCUMENTS, Person
from core_api_stream import Listening, Told
from fastapi import FastAPI
from redis.asyncio import Redis

from ai_svc.modules.live.programme import PROGRAMME
from chassis.messaging.relay import OutboxRelay
from chassis.web.live import streaming
from chassis.web.live.reader import LiveReader
from chassis.web.live.updates import LiveUpdates
from knowledge.document_writes import begin
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

EVENTS = f"{DOCUMENTS}/events"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


class Stage:
    """A process that tells, event by event as a test wants it."""

    def __init__(self, app: FastAPI, redis: Redis) -> None:
        self.app = app
        self.redis = redis
        app.state.live = LiveUpdates(PROGRAMME)
        self.reader = LiveReader(redis, app.state.live.hub, PROGRAMME)
        self.relay = OutboxRelay(app.state.workshop.database, redis)

    async def pass_on(self) -> None:
        """What is in the outbox, to everybody who listens."""
        await self.relay.drain_once()
        seconds, microseconds = await self.redis.time()
        now = seconds * 1000 + microseconds // 1000
        while (later := await self.redis.time())[0] * 1000 + later[1] // 1000 <= now:
            pass
        await self.reader.read_once()

    async def follow(self, person: Person, query: str = "", last: str | None = None) -> Listening:
        """A connection."""
        headers = dict(person.headers) | ({"last-event-id": last} if last else {})
        return await Listening(self.app, headers, path=EVENTS, query=query).begin()


@pytest.fixture
async def stage(app: FastAPI, redis: Redis, clean: None, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr("ai_svc.modules.live.streaming.DocumentsFollowed.gather_seconds", 0.0)
    stage = Stage(app, redis)
    await stage.reader.start()
    return stage


async def submit(person: Person, **fields: Any) -> str:
    body = {"text": f"Texto {new_id()}.", **fields}
    answer = await person.post(DOCUMENTS, json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])


async def document(listening: Listening) -> dict[str, Any]:
    told = await listening.named("document")
    data: dict[str, Any] = told.data
    return data


async def test_from_submission_to_indexed(stage: Stage, ana: Person) -> None:
    listening = await stage.follow(ana)
    await listening.named("ready")
    document_id = await submit(ana)
    await stage.pass_on()
    first = await document(listening)
    await ana.ingestion.drain_once("tests")
    await stage.pass_on()
    last = await document(listening)
    await listening.hang_up()

    assert listening.status == 200
    assert (first["document_id"], first["status"], first["percent"]) == (document_id, "pending", 0)
    assert (last["status"], last["percent"], last["current_version"]) == ("indexed", 100, 1)
    assert set(last) == {
        "document_id",
        "status",
        "stage",
        "percent",
        "error_code",
        "error_message",
        "current_version",
        "latest_version",
        "version",
    }


async def test_what_went_wrong_is_told_in_a_sentence(stage: Stage, ana: Person) -> None:
    listening = await stage.follow(ana)
    await listening.named("ready")
    answer = await ana.post(DOCUMENTS, files={"file": ("a.pdf", b"%PDF-1.7\nnada")})
    assert answer.status_code == 202
    await ana.ingestion.drain_once("tests")
    await stage.pass_on()
    told = await document(listening)
    await listening.hang_up()

    assert told["status"] == "failed"
    assert told["error_code"]
    assert told["error_message"].endswith(".")


async def test_progress_is_looked_up_when_a_worker_says_so(stage: Stage, ana: Person) -> None:
    document_id = await submit(ana)
    (job,) = await ana.ingestion.queue.claim("tests", 1)
    listening = await stage.follow(ana, f"document_id={document_id}")
    before = await document(listening)
    await listening.named("ready")
    async with ana.ingestion.queue.fenced(job) as session:
        await begin(session, job)
    await ana.ingestion.queue.report(job, "embed", 71)
    said = json.dumps({"document_id": document_id}).encode()
    stage.reader.pass_on_saying(f"channel:{job.organization_id}:documents", said)
    told = await listening.named("document")
    await ana.ingestion.queue.give_back(job)
    await listening.hang_up()

    assert before["status"] == "pending"
    assert (told.data["status"], told.data["stage"], told.data["percent"]) == (
        "processing",
        "embed",
        71,
    )
    assert told.id is None


async def test_nobody_hears_of_what_they_may_not_read(
    stage: Stage, app: FastAPI, ana: Person, beto: Person, person: Callable[[str], Person]
) -> None:
    await CoreApi(app).purposes()
    bruno, vera = person("bruno"), person("vera")
    listeners = {
        name: await stage.follow(who)
        for name, who in (("ana", ana), ("bruno", bruno), ("vera", vera), ("beto", beto))
    }
    for listening in listeners.values():
        await listening.named("ready")
    restricted = await submit(ana, visibility="restricted", allowed_roles=["agent"])
    await submit(
        ana,
        visibility="client",
        client_id=str(new_id()),
        purpose_code=SERVICE,
        legal_basis="contract",
    )
    everybodys = await submit(ana)
    await stage.pass_on()
    heard: dict[str, list[str]] = {}
    for name, listening in listeners.items():
        if name != "beto":
            while everybodys not in heard.setdefault(name, []):
                heard[name].append((await document(listening))["document_id"])
    theirs = await submit(beto)
    await stage.pass_on()
    heard["beto"] = [(await document(listeners["beto"]))["document_id"]]
    rest = {name: listening.unread() for name, listening in listeners.items()}
    for listening in listeners.values():
        await listening.hang_up()

    assert heard == {
        "ana": [restricted, everybodys],
        "bruno": [restricted, everybodys],
        "vera": [everybodys],
        "beto": [theirs],
    }
    assert set(map(len, rest.values())) == {0}


async def test_who_may_no_longer_read_hears_that_it_is_gone(
    stage: Stage, ana: Person, vera: Person
) -> None:
    document_id = await submit(ana)
    listening = await stage.follow(vera, f"document_id={document_id}")
    await document(listening)
    await listening.named("ready")
    changed = await ana.call(
        "PATCH",
        f"{DOCUMENTS}/{document_id}",
        json={"visibility": "restricted", "allowed_roles": ["dpo"]},
    )
    assert changed.status_code == 200, changed.text
    await stage.pass_on()
    gone = await listening.named("gone")
    await ana.call("PATCH", f"{DOCUMENTS}/{document_id}", json={"title": "Outro"})
    await stage.pass_on()
    await listening.settle()
    await listening.hang_up()

    assert gone.data == {"document_id": document_id}
    assert listening.unread() == []
    assert (await stage.follow(vera, f"document_id={document_id}")).status == 404


async def test_a_connection_that_broke_off_resumes(stage: Stage, ana: Person) -> None:
    listening = await stage.follow(ana)
    await listening.named("ready")
    first = await submit(ana)
    await stage.pass_on()
    seen = await listening.named("document")
    await listening.hang_up()
    second = await submit(ana)
    await stage.pass_on()
    again = await stage.follow(ana, last=seen.id)
    told = [await again.next(), await again.next()]
    await again.hang_up()
    lost = await stage.follow(ana, last="1000000000000")
    reset = await lost.next()
    await lost.hang_up()

    assert seen.data["document_id"] == first
    assert [(each.event, each.data.get("document_id")) for each in told] == [
        ("document", second),
        ("ready", None),
    ]
    assert reset == Told("reset", {}, reset.id)


async def test_what_was_not_heard_of_is_looked_at_again(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_SECONDS", 0.02)
    document_id = await submit(ana)
    listening = await stage.follow(ana, f"document_id={document_id}")
    await document(listening)
    await listening.named("ready")
    await ana.ingestion.drain_once("tests")  # and nobody says so
    told = await document(listening)
    while told["status"] in ("pending", "processing"):
        told = await document(listening)
    await listening.hang_up()

    assert told["status"] == "indexed"


async def test_the_token_ends_it(
    stage: Stage, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening = await stage.follow(ana)
    await listening.named("ready")
    ahead = time.time() + 10_000_000
    monkeypatch.setattr("chassis.web.live.streaming.time.time", lambda: ahead)
    await submit_quietly(stage)
    await listening.named("expired")
    await listening.ended()
    monkeypatch.undo()

    assert (await stage.app.state.resources.redis.ping()) is True


async def submit_quietly(stage: Stage) -> None:
    """Something happens somewhere, so that the connection looks up."""
    said = json.dumps({"document_id": str(new_id())}).encode()
    stage.reader.pass_on_saying("channel:0192a000-0000-7000-8000-00000000a001:documents", said)
    await asyncio.sleep(0)


@pytest.mark.parametrize("query", ["document_id={}", "batch_id={}"])
async def test_what_is_not_there_is_not_followed(stage: Stage, ana: Person, query: str) -> None:
    assert (await stage.follow(ana, query.format(new_id()))).status == 404
    assert (await stage.follow(ana, query.format("x"))).status == 422


async def test_nobody_follows_without_a_token(app: FastAPI, stage: Stage) -> None:
    assert (await Listening(app, {}, path=EVENTS).begin()).status == 401


def test_sayings_that_are_none_are_dropped() -> None:
    assert PROGRAMME.of_saying({"document_id": "x"}) is None
    assert PROGRAMME.of_saying({}) is None
    frame = PROGRAMME.of_saying({"document_id": str(UUID(int=1))})
    assert frame is not None
    assert frame.subject == UUID(int=1)
