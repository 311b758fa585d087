"""Two processes, one conversation: resumed and stopped elsewhere, and what a dead one leaves."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from ai_svc_factories import Person
from chat_factories import (
    QUESTION,
    SENTENCES,
    WHOLE,
    Chat,
    Scripted,
    begin,
    expire_leases,
    heard,
    kill,
    settled,
    text_of,
)
from core_api_stream import Listening
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from ai_svc.modules.chat import following
from ai_svc.modules.chat.event_store import STOPS, EventStore, key_of
from ai_svc.modules.chat.live_run import Told
from ai_svc.modules.chat.runs import Runs
from devstack.people import PEOPLE
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

AURORA = OrganizationId(PEOPLE["ana"].organization.id)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers elsewhere look all the time."""
    monkeypatch.setattr(following, "POLL_SECONDS", 0.005)
    monkeypatch.setattr(following, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(following, "_PRESENCE_SECONDS", 0.02)


@pytest.fixture
def runs(app: FastAPI) -> Runs:
    """Of the process that writes."""
    found: Runs = app.state.runs
    return found


@pytest.fixture
async def ana_there(ana: Person, replica: FastAPI) -> AsyncIterator[Person]:
    """The same person, at the other replica."""
    transport = httpx.ASGITransport(replica)
    async with httpx.AsyncClient(transport=transport, base_url="http://there.test") as client:
        yield replace(ana, http=client)


async def halfway(chat: Chat, scripted: Scripted) -> tuple[Listening, str, str]:
    """A connection that has heard the first sentence; the message, and the last id."""
    scripted.waits_before = 1
    listening = await chat.stream()
    await scripted.waiting.wait()
    seen = [await listening.next() for _ in range(5)]
    return listening, seen[0].data["message_id"], str(seen[-1].id)


async def stored(redis: Redis, *, least: int) -> None:
    """Until so many events of the one run are on Redis."""
    async with asyncio.timeout(10):
        while True:
            keys: list[Any] = await redis.keys("chat:*:run:*")
            keys = [key for key in keys if not key.endswith(b":reader")]
            if keys and await redis.xlen(keys[0]) >= least:
                return


async def test_line_that_broke_is_resumed_at_another_replica(
    app: FastAPI, replica: FastAPI, ana: Person, redis: Redis, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    listening, message_id, last = await halfway(chat, scripted)
    await listening.hang_up()

    there = await chat.resume(replica, message_id, last)
    scripted.go_on()
    rest = await heard(there)

    assert [(name, number) for name, _, number in rest] == [
        ("delta", "6"), ("delta", "7"), ("usage", "8"), ("done", "9"),
    ]  # fmt: skip
    assert text_of(rest) == "".join(SENTENCES[1:])


async def test_reader_elsewhere_keeps_the_run_alive(
    app: FastAPI, replica: FastAPI, ana: Person, redis: Redis, scripted: Scripted, runs: Runs
) -> None:
    chat = await begin(app, ana)
    listening, message_id, last = await halfway(chat, scripted)
    there = await chat.resume(replica, message_id, last)
    await listening.hang_up()
    run_id = next(iter(runs._live))
    async with asyncio.timeout(10):
        while not await runs.events.is_read_elsewhere(AURORA, run_id):
            await there.settle()
    runs.grace = timedelta()

    await runs.let_go()
    runs.grace = timedelta(seconds=8)
    scripted.go_on()

    assert (await heard(there))[-1][0] == "done"


async def test_run_is_stopped_from_another_replica(
    app: FastAPI, ana: Person, ana_there: Person, redis: Redis, scripted: Scripted, runs: Runs
) -> None:
    chat = await begin(app, ana)
    listening, message_id, _ = await halfway(chat, scripted)
    async with redis.pubsub(ignore_subscribe_messages=True) as channel:
        await channel.subscribe(STOPS)
        await channel.get_message(timeout=1.0)

        stopped = await ana_there.post(f"{chat.path}/{message_id}/stop")
        while (said := await channel.get_message(timeout=1.0)) is None:
            pass
    runs.hear(said["data"])

    assert stopped.status_code == 202
    assert (await heard(listening))[-1][1]["code"] == "CHAT_STOPPED"
    assert scripted.closed == 1


async def test_stop_that_was_not_passed_on_is_read_from_the_row(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    ana_there: Person,
    scripted: Scripted,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = await begin(app, ana)
    listening, message_id, _ = await halfway(chat, scripted)
    monkeypatch.setattr(EventStore, "ask_to_stop", away)

    stopped = await ana_there.post(f"{chat.path}/{message_id}/stop")
    await runs.renew()

    assert stopped.status_code == 202
    assert (await heard(listening))[-1][1]["code"] == "CHAT_STOPPED"


async def test_json_is_answered_by_the_replica_that_did_not_write_it(
    app: FastAPI, ana: Person, ana_there: Person, redis: Redis, scripted: Scripted
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    key = {"idempotency-key": "envio-1"}
    first = asyncio.create_task(ana.post(chat.path, json={"content": QUESTION}, headers=key))
    await scripted.waiting.wait()

    again = asyncio.create_task(ana_there.post(chat.path, json={"content": QUESTION}, headers=key))
    scripted.go_on()

    answers = await asyncio.gather(first, again)
    assert answers[0].json()["data"] == answers[1].json()["data"]
    assert len(scripted.asked) == 1


async def test_killed_replica_leaves_a_clear_end_and_no_message_lost_or_doubled(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    ana_there: Person,
    superuser: asyncpg.Connection,
    redis: Redis,
    scripted: Scripted,
    runs: Runs,
) -> None:
    chat = await begin(app, ana)
    listening, message_id, last = await halfway(chat, scripted)
    await stored(redis, least=5)
    await kill(runs)
    await listening.hang_up()
    there = await chat.resume(replica, message_id, last)
    busy = await ana_there.post(chat.path, json={"content": QUESTION})
    await expire_leases(superuser)

    events = await heard(there)
    again = await ana_there.get(
        f"{chat.path}/{message_id}/events", headers={"last-event-id": str(events[-1][2])}
    )
    sent = await ana_there.post(
        chat.path, json={"content": "Ainda aí?"}, headers={"idempotency-key": "envio-2"}
    )

    assert busy.status_code == 409
    assert [(name, number) for name, _, number in events] == [("error", "6")]
    assert events[0][1]["code"] == "CHAT_RUN_LOST"
    assert "guardada" in events[0][1]["message"]
    assert again.status_code == 204
    assert sent.status_code == 201
    messages = await chat.messages()
    assert [(each["role"], each["status"]) for each in messages[:2]] == [
        ("user", "done"),
        ("assistant", "failed"),
    ]
    assert messages[0]["content"] == QUESTION
    assert len(messages) == 4


async def test_run_that_lost_its_lease_writes_nothing_more(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    superuser: asyncpg.Connection,
    scripted: Scripted,
    runs: Runs,
) -> None:
    chat = await begin(app, ana)
    listening, _, _ = await halfway(chat, scripted)
    await expire_leases(superuser)
    await replica.state.runs.sweep()

    scripted.go_on()
    events = await heard(listening)

    answer = (await chat.messages())[1]
    assert events[-1][1]["code"] == answer["error"]["code"] == "CHAT_RUN_LOST"
    assert (answer["status"], answer["content"]) == ("failed", None)


async def test_living_run_keeps_its_lease(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    superuser: asyncpg.Connection,
    scripted: Scripted,
    runs: Runs,
) -> None:
    chat = await begin(app, ana)
    listening, _, _ = await halfway(chat, scripted)
    await expire_leases(superuser)

    await runs.renew()
    await replica.state.runs.sweep()
    scripted.go_on()

    assert (await heard(listening))[-1][0] == "done"
    assert (await chat.messages())[1]["content"] == WHOLE


async def test_process_that_ends_says_so(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs
) -> None:
    chat = await begin(app, ana)
    listening, _, _ = await halfway(chat, scripted)

    await runs.close()

    assert (await heard(listening))[-1][1]["code"] == "CHAT_RUN_LOST"
    answer = (await chat.messages())[1]
    assert (answer["status"], answer["content"]) == ("failed", SENTENCES[0])


async def test_redis_emptied_in_the_middle_is_filled_again(
    app: FastAPI, replica: FastAPI, ana: Person, redis: Redis, scripted: Scripted, runs: Runs
) -> None:
    chat = await begin(app, ana)
    listening, message_id, last = await halfway(chat, scripted)
    await stored(redis, least=5)
    await redis.flushdb()
    there = await chat.resume(replica, message_id, last)
    scripted.go_on()

    here, rest = await heard(listening), await heard(there)
    await settled(runs)

    assert here[-1][0] == "done"
    assert rest[-1][0] == "done"
    assert rest[-1][1]["answer"]["text"] == WHOLE
    assert await redis.xlen(key_of(AURORA, here[-1][1] and run_of(await chat.messages()))) == 9


async def test_without_redis_the_runs_own_connection_is_answered(
    app: FastAPI,
    replica: FastAPI,
    ana: Person,
    scripted: Scripted,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("add", "write_anew", "after", "listen_elsewhere", "is_read_elsewhere"):
        monkeypatch.setattr(EventStore, name, away)
    chat = await begin(app, ana)
    listening, message_id, last = await halfway(chat, scripted)
    there = await chat.resume(replica, message_id, last)
    scripted.go_on()

    here, rest = await heard(listening), await heard(there)

    assert text_of(here) == "".join(SENTENCES[1:])
    assert here[-1][0] == "done"
    # Elsewhere nobody knows the parts; the whole is told once it is written down.
    assert [name for name, _, _ in rest] == ["done"]
    assert rest[0][1]["answer"]["text"] == WHOLE


async def test_events_that_were_erased_do_not_come_back(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, redis: Redis, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    listening, _, _ = await halfway(chat, scripted)
    await stored(redis, least=5)
    await superuser.execute("DELETE FROM ai.conversation_messages")
    await redis.delete(*await redis.keys("chat:*"))

    scripted.go_on()
    events = await heard(listening)
    await settled(app.state.runs)

    assert events[-1][0] == "error"
    assert await redis.keys("chat:*") == []
    assert await chat.messages() == []


async def test_events_written_twice_are_there_once(redis: Redis) -> None:
    store, run_id = EventStore(redis), new_id()
    events = [Told(number, "delta", "{}") for number in range(1, 4)]

    assert await store.add(AURORA, run_id, events[:2])
    assert await store.add(AURORA, run_id, events[1:])
    assert await store.after(AURORA, run_id, 0) == events
    assert await store.after(AURORA, run_id, 2) == events[2:]
    await redis.xdel(key_of(AURORA, run_id), "2-0")
    assert await store.after(AURORA, run_id, 0) == events[:1]  # nothing after a gap
    await store.forget(AURORA, [run_id])
    assert not await store.add(AURORA, run_id, [Told(4, "done", "{}")])
    assert await redis.exists(key_of(AURORA, run_id)) == 0


async def away(*_: Any, **__: Any) -> Any:
    raise RedisConnectionError


def run_of(messages: list[dict[str, Any]]) -> Any:
    return messages[1]["run_id"]
