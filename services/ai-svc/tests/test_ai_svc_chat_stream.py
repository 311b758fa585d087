"""An answer while it is written: told in order, committed first, stopped when nobody listens."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from ai_svc_factories import Person
from chat_factories import (
    QUESTION,
    SENTENCES,
    WHOLE,
    Scripted,
    begin,
    heard,
    settled,
    text_of,
)
from fastapi import FastAPI
from redis.asyncio import Redis

from ai_svc.modules.agents.events import RunEvent
from ai_svc.modules.chat import ending, live_run
from ai_svc.modules.chat.runs import Runs

pytestmark = pytest.mark.committed

STATUS = "SELECT status FROM ai.conversation_messages WHERE role = 'assistant'"


@pytest.fixture
def runs(app: FastAPI) -> Runs:
    """Of the process."""
    found: Runs = app.state.runs
    return found


async def test_events_come_in_order_numbered(app: FastAPI, ana: Person, scripted: Scripted) -> None:
    chat = await begin(app, ana)

    events = await heard(await chat.stream())

    names = [name for name, _, _ in events]
    assert names == [
        "start", "agent", "tool_call", "tool_result", "delta", "delta", "delta", "usage", "done",
    ]  # fmt: skip
    assert [number for _, _, number in events] == [str(each) for each in range(1, 10)]
    start, done = events[0][1], events[-1][1]
    assert (start["conversation_id"], text_of(events)) == (chat.id, WHOLE)
    question, answer = await chat.messages()
    assert (start["message_id"], start["run_id"]) == (answer["id"], answer["run_id"])
    assert done["answer"]["text"] == answer["content"] == WHOLE
    assert "carried" not in str(events)
    assert question["content"] == QUESTION


async def test_both_rows_are_committed_before_the_run_and_the_answer_before_done(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted, runs: Runs
) -> None:
    seen: list[Any] = []
    told = live_run.LiveRun.tell

    async def rows() -> list[tuple[Any, ...]]:
        found = await superuser.fetch(
            "SELECT role, status, content FROM ai.conversation_messages ORDER BY position"
        )
        return [tuple(row) for row in found]

    def tell(live: live_run.LiveRun, event: RunEvent) -> None:
        if event.type == "done":
            seen.append(asyncio.ensure_future(rows()))
        told(live, event)

    scripted.waits_before = 0
    chat = await begin(app, ana)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live_run.LiveRun, "tell", tell)
        listening = await chat.stream()
        await scripted.waiting.wait()
        before = await rows()
        scripted.go_on()
        await heard(listening)

    assert before == [("user", "done", QUESTION), ("assistant", "running", None)]
    assert await seen[0] == [("user", "done", QUESTION), ("assistant", "done", WHOLE)]


async def test_no_transaction_is_open_while_a_model_writes(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()

    pool: Any = app.state.resources.database.engines[0].sync_engine.pool
    taken = pool.checkedout()
    scripted.go_on()

    assert taken == 0
    assert (await heard(listening))[-1][0] == "done"


async def test_first_event_waits_for_nobody(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinking = asyncio.Event()
    prepare = runs._prepare

    async def slowly(live: live_run.LiveRun) -> Any:
        await thinking.wait()
        return await prepare(live)

    monkeypatch.setattr(runs, "_prepare", slowly)
    chat = await begin(app, ana)
    listening = await chat.stream()

    first = await listening.named("start")
    thinking.set()

    assert first.id == "1"
    assert (await heard(listening))[-1][0] == "done"


async def test_silence_is_broken_by_a_comment(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_run, "HEARTBEAT_SECONDS", 0.01)
    scripted.waits_before = 0
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()

    async with asyncio.timeout(10):
        while listening.comments < 2:
            await listening.settle()
            listening._told += listening.unread()
    scripted.go_on()

    assert (await heard(listening))[-1][0] == "done"


async def test_who_hangs_up_ends_the_run_after_a_grace(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted, runs: Runs
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()

    await runs.let_go()
    heard_by_somebody = await superuser.fetchval(STATUS)
    await listening.hang_up()
    await runs.let_go()
    within_grace = await superuser.fetchval(STATUS)
    runs.grace = timedelta()
    await runs.let_go()
    await settled(runs)
    runs.grace = timedelta(seconds=8)

    assert heard_by_somebody == within_grace == "running"
    answer = (await chat.messages())[1]
    assert (answer["status"], answer["error"]["code"]) == ("stopped", "CHAT_ABANDONED")
    assert answer["content"] == SENTENCES[0]
    assert scripted.closed == 1


async def test_who_waits_for_json_and_goes_ends_the_run_too(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs
) -> None:
    scripted.waits_before = 0
    runs.grace = timedelta()
    chat = await begin(app, ana)
    waiting = chat.connection(accept="application/json")
    # The head of the answer comes with its end.
    connected = asyncio.create_task(waiting.begin())
    await scripted.waiting.wait()

    await runs.let_go()
    while_waiting = [live.broken_off for live in runs._live.values()]
    await asyncio.gather(waiting.hang_up(), connected)
    await runs.let_go()
    await settled(runs)
    runs.grace = timedelta(seconds=8)

    assert while_waiting == [None]
    assert (await chat.messages())[1]["error"]["code"] == "CHAT_ABANDONED"
    assert scripted.closed == 1


async def test_who_comes_back_in_time_goes_on_listening(
    app: FastAPI, ana: Person, scripted: Scripted, runs: Runs
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()
    seen = [await listening.next() for _ in range(5)]
    await listening.hang_up()
    message_id = seen[0].data["message_id"]

    again = await chat.resume(app, message_id, seen[-1].id)
    await runs.let_go()
    scripted.go_on()
    rest = await heard(again)

    assert [told.event for told in seen] == ["start", "agent", "tool_call", "tool_result", "delta"]
    assert [number for _, _, number in rest] == ["6", "7", "8", "9"]
    assert text_of([(told.event, told.data, told.id) for told in seen] + rest) == WHOLE


async def test_what_was_all_seen_needs_no_coming_back(
    app: FastAPI, ana: Person, redis: Redis, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    answer = await chat.send()
    path = f"{chat.path}/{answer['id']}/events"

    seen = await ana.get(path, headers={"last-event-id": "9"})
    behind = await ana.get(path, headers={"last-event-id": "8"})
    await redis.flushdb()
    forgotten = await ana.get(path)
    question = await ana.get(f"{chat.path}/{answer['in_reply_to']}/events")
    bad = await ana.get(path, headers={"last-event-id": "x"})

    assert seen.status_code == 204
    assert re.findall(r"event: (\w+)", behind.text) == ["done"]
    assert re.findall(r"event: (\w+)", forgotten.text) == ["done"]
    assert WHOLE in forgotten.text
    assert (question.status_code, bad.status_code) == (409, 422)


async def test_many_chats_at_once_keep_to_themselves(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    scripted.waits_before = 1
    chats = [await begin(app, ana) for _ in range(24)]
    listening = await asyncio.gather(*(chat.stream() for chat in chats))
    async with asyncio.timeout(20):
        while len(app.state.runs._live) < 24 or len(scripted.asked) < 24:
            await listening[0].settle()

    scripted.go_on()
    streams = await asyncio.gather(*map(heard, listening))

    assert all(text_of(events) == WHOLE for events in streams)
    told_of = {events[0][1]["conversation_id"] for events in streams}
    assert told_of == {chat.id for chat in chats}


async def test_run_that_takes_too_long_is_ended(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_svc.modules.chat.writing.LONGEST", timedelta(milliseconds=300))
    scripted.waits_before = 1
    chat = await begin(app, ana)

    events = await heard(await chat.stream())

    answer = (await chat.messages())[1]
    assert events[-1][1]["code"] == answer["error"]["code"] == "CHAT_TIMED_OUT"
    assert (answer["status"], scripted.closed) == ("failed", 1)


async def test_deleting_the_conversation_ends_its_run(
    app: FastAPI, ana: Person, redis: Redis, scripted: Scripted, runs: Runs
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()

    deleted = await ana.call("DELETE", chat.path.removesuffix("/messages"))
    events = await heard(listening)
    await settled(runs)

    assert deleted.status_code == 204
    assert events[-1][1]["code"] == "CHAT_MESSAGE_GONE"
    assert scripted.closed == 1
    assert await redis.keys("chat:*") == []


async def test_database_that_is_away_at_the_end_is_waited_for(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, failures = ending.finish, iter([ConnectionRefusedError(), ConnectionRefusedError()])

    async def unsteady(*args: Any, **more: Any) -> bool:
        for failure in failures:
            raise failure
        return await finish(*args, **more)

    monkeypatch.setattr(ending, "finish", unsteady)
    chat = await begin(app, ana)

    events = await heard(await chat.stream())

    assert events[-1][0] == "done"
    assert (await chat.messages())[1]["content"] == WHOLE
