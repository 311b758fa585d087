"""Messages: sent once, answered once, made anew, judged; one answer at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from ai_svc_factories import Person
from chat_factories import (
    CONVERSATIONS,
    QUESTION,
    SENTENCES,
    WHOLE,
    Scripted,
    begin,
    heard,
    settled,
)
from fastapi import FastAPI
from redis.asyncio import Redis

from ai_svc.modules.agents.events import AgentName, ErrorEvent
from ai_svc.modules.chat import runs, sending
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


async def test_answer_comes_as_one(app: FastAPI, ana: Person, scripted: Scripted) -> None:
    chat = await begin(app, ana)

    sent = await ana.post(chat.path, json={"content": f"  {QUESTION} "})

    answer = sent.json()["data"]
    assert sent.status_code == 201
    assert (answer["role"], answer["status"], answer["content"]) == ("assistant", "done", WHOLE)
    assert (answer["agent"], answer["model"]) == ("knowledge", "scripted")
    assert (answer["input_tokens"], answer["output_tokens"]) == (100, 20)
    assert (answer["tokens_used"], answer["error"]) == (120, None)
    assert answer["prompt_version"] == "agent_knowledge.v1"
    question, same = await chat.messages()
    assert (question["role"], question["content"]) == ("user", QUESTION)
    assert same == answer == (await ana.get(sent.headers["location"])).json()["data"]
    assert answer["in_reply_to"] == question["id"]


async def test_run_is_told_who_asks_what_and_what_was_said(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    ticket_id = str(new_id())
    chat = await begin(app, ana, ticket_id=ticket_id)
    first = await chat.send("Primeira?")
    await ana.post(chat.path, json={"content": "Segunda?", "agent": "crm"})

    one, two = scripted.asked
    assert list(one.history) == []
    assert [(turn.role, turn.content) for turn in two.history] == [
        ("user", "Primeira?"),
        ("assistant", WHOLE),
    ]
    assert (two.content, two.agent, str(two.ticket_id)) == ("Segunda?", AgentName.CRM, ticket_id)
    assert str(one.conversation_id) == str(two.conversation_id) == chat.id
    assert str(one.message_id) == first["id"]
    assert two.token.get_secret_value() in ana.headers["authorization"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": "   "},
        {"content": "x" * 8_001},
        {"content": QUESTION, "agent": "root"},
        {"content": QUESTION, "client_id": "1"},
        {"content": QUESTION, "system": "ignore"},
        {"content": "\u0000"},
        {"content": "\u200b\u202e"},
    ],
)
async def test_bad_message_is_refused(
    app: FastAPI, ana: Person, scripted: Scripted, body: dict[str, Any]
) -> None:
    chat = await begin(app, ana)

    assert (await ana.post(chat.path, json=body)).status_code == 422
    bad = await ana.post(
        chat.path, json={"content": QUESTION}, headers={"idempotency-key": "two words"}
    )
    assert bad.status_code == 422
    assert await chat.messages() == []


async def test_repeated_request_is_answered_with_the_first_answer(
    app: FastAPI, ana: Person, person: Callable[[str], Person], scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    key = {"idempotency-key": "envio-1"}

    first = await ana.post(chat.path, json={"content": QUESTION}, headers=key)
    again = await ana.post(chat.path, json={"content": QUESTION}, headers=key)
    streamed = await chat.stream(**key)
    other = await ana.post(chat.path, json={"content": "Outra?"}, headers=key)
    bruno = person("bruno")
    theirs = await begin(app, bruno)
    not_theirs = await bruno.post(theirs.path, json={"content": QUESTION}, headers=key)

    assert again.json()["data"] == first.json()["data"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert (await heard(streamed))[-1][0] == "done"
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert not_theirs.status_code == 201
    assert len(await chat.messages()) == 2
    assert len(scripted.asked) == 2


async def test_request_repeated_while_it_runs_waits_for_the_same_answer(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    scripted.waits_before = 1
    chat = await begin(app, ana)
    key = {"idempotency-key": "envio-1"}

    first = asyncio.create_task(ana.post(chat.path, json={"content": QUESTION}, headers=key))
    await scripted.waiting.wait()
    again = asyncio.create_task(ana.post(chat.path, json={"content": QUESTION}, headers=key))
    scripted.go_on()

    answers = await asyncio.gather(first, again)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["data"] == answers[1].json()["data"]
    assert len(scripted.asked) == 1


async def test_of_two_sent_at_once_one_is_answered(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    scripted.waits_before = 0
    chat = await begin(app, ana)

    sending_ = [asyncio.create_task(ana.post(chat.path, json={"content": QUESTION})) for _ in "ab"]
    await scripted.waiting.wait()
    refused, _ = await asyncio.wait(sending_, return_when=asyncio.FIRST_COMPLETED)
    scripted.go_on()
    answers = await asyncio.gather(*sending_)

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert [task.result().json()["code"] for task in refused] == ["CONVERSATION_BUSY"]
    assert len(await chat.messages()) == 2
    assert (await chat.send())["status"] == "done"


async def test_failing_run_is_written_down_and_the_conversation_goes_on(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    scripted.fails = RuntimeError("boom")

    broken = await chat.send()
    scripted.fails = ErrorEvent(code="BUDGET_EXCEEDED", message="A cota do mês acabou.")
    refused = await chat.send()
    scripted.fails = None
    whole = await chat.send()

    assert (broken["status"], broken["error"]["code"]) == ("failed", "INTERNAL_ERROR")
    assert "boom" not in str(broken)
    assert broken["content"] == WHOLE  # what was told was checked, and stays
    assert refused["error"] == {"code": "BUDGET_EXCEEDED", "message": "A cota do mês acabou."}
    assert whole["status"] == "done"
    assert [each["status"] for each in await chat.messages()] == [
        "done", "failed", "done", "failed", "done", "done",
    ]  # fmt: skip


async def test_another_answer_stands_beside_the_old_one(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    first = await chat.send()
    scripted.sentences = ("São trinta.",)

    made = await ana.post(f"{chat.path}/{first['id']}/regenerate", json={})

    second = made.json()["data"]
    assert made.status_code == 201
    assert (second["content"], second["in_reply_to"]) == ("São trinta.", first["in_reply_to"])
    assert [each["content"] for each in await chat.messages()] == [QUESTION, WHOLE, "São trinta."]
    assert scripted.asked[1].content == QUESTION
    assert list(scripted.asked[1].history) == []
    await chat.send("E agora?")
    assert [turn.content for turn in scripted.asked[2].history] == [QUESTION, "São trinta."]


async def test_only_an_answer_is_made_anew_and_one_at_a_time(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    first = await chat.send()
    path = f"{chat.path}/{first['id']}/regenerate"
    question = f"{chat.path}/{first['in_reply_to']}/regenerate"

    wrong = await ana.post(question, json={})
    absent = await ana.post(f"{chat.path}/{new_id()}/regenerate", json={})
    scripted.waits_before = 0
    regenerating = asyncio.create_task(ana.post(path, json={}))
    await scripted.waiting.wait()
    busy = [await ana.post(path, json={}), await ana.post(chat.path, json={"content": QUESTION})]
    scripted.go_on()

    assert (wrong.status_code, wrong.json()["code"]) == (409, "CONVERSATION_MESSAGE_NOT_AN_ANSWER")
    assert absent.status_code == 404
    assert {each.json()["code"] for each in busy} == {"CONVERSATION_BUSY"}
    assert (await regenerating).status_code == 201
    assert len(await chat.messages()) == 3


async def test_what_one_says_of_an_answer_later_holds(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    chat = await begin(app, ana)
    answer = await chat.send()
    path = f"{chat.path}/{answer['id']}/feedback"
    down = {"rating": "down", "reason": "outdated", "comment": "Mudou.", "correction": "São 31."}

    first = await ana.post(path, json={"rating": "up"})
    second = await ana.post(path, json=down)
    bad = [
        await ana.post(path, json={"rating": "great"}),
        await ana.post(path, json={"rating": "up", "reason": "because"}),
    ]
    asked = await ana.post(f"{chat.path}/{answer['in_reply_to']}/feedback", json={"rating": "up"})

    assert (first.status_code, second.status_code) == (201, 201)
    said = second.json()["data"]
    assert {name: said[name] for name in down} == down
    assert (await chat.messages())[1]["rating"] == "down"
    assert [each.status_code for each in bad] == [422, 422]
    assert asked.status_code == 409


async def test_full_conversation_takes_no_more(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MOST_MESSAGES", 3)
    chat = await begin(app, ana)
    answer = await chat.send()

    more = await ana.post(chat.path, json={"content": QUESTION})
    other = await ana.post(f"{chat.path}/{answer['id']}/regenerate", json={})

    assert (more.status_code, more.json()["code"]) == (409, "CONVERSATION_FULL")
    assert other.status_code == 201


async def test_busy_process_takes_no_more_runs(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "MOST_RUNS", 0)
    chat = await begin(app, ana)

    answer = await ana.post(chat.path, json={"content": QUESTION})

    assert (answer.status_code, answer.json()["code"]) == (503, "CHAT_OVERLOADED")
    assert answer.headers["retry-after"]
    assert await chat.messages() == []


async def test_message_carries_everybody_the_conversation_has_held(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted
) -> None:
    helena, caio, rui = new_id(), new_id(), new_id()
    chat = await begin(app, ana, client_id=str(helena))
    scripted.client_ids = [caio]
    first = await chat.send()
    scripted.client_ids = [rui]
    second = await chat.send()

    assert (first["status"], second["status"]) == ("done", "done"), (first, second)
    rows = await superuser.fetch(
        "SELECT m.position, c.client_id FROM ai.message_clients c"
        " JOIN ai.conversation_messages m ON m.id = c.message_id"
    )
    held = {position: {row["client_id"] for row in rows if row["position"] == position}
            for position in range(1, 5)}  # fmt: skip
    assert held == {
        1: {helena},
        2: {helena, caio},
        3: {helena, caio},
        4: {helena, caio, rui},
    }


async def test_whose_data_it_is_stands_before_anything_made_of_it_is_told(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted
) -> None:
    caio = new_id()
    scripted.client_ids, scripted.waits_before = [caio], 0
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()

    held = await superuser.fetch("SELECT client_id FROM ai.message_clients")
    scripted.go_on()

    assert [row["client_id"] for row in held] == [caio]
    assert (await heard(listening))[-1][0] == "done"


async def test_nothing_is_written_about_who_was_erased(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, scripted: Scripted
) -> None:
    erased = new_id()
    await superuser.execute(
        "INSERT INTO ai.client_absences (organization_id, client_id, is_deleted, changed_at,"
        " erased_at) SELECT organization_id, $1, true, now(), now() FROM (VALUES ($2::uuid))"
        " AS o(organization_id)",
        erased,
        "0192a000-0000-7000-8000-00000000a001",
    )

    named = await ana.post(CONVERSATIONS, json={"client_id": str(erased)})
    chat = await begin(app, ana)
    said = await ana.post(chat.path, json={"content": QUESTION, "client_id": str(erased)})
    scripted.client_ids = [erased]
    found = await chat.send()

    assert [each.status_code for each in (named, said)] == [409, 409]
    assert {each.json()["code"] for each in (named, said)} == {"CLIENT_ERASED"}
    assert (found["status"], found["content"]) == ("failed", None)
    assert found["error"]["code"] == "CLIENT_ERASED"
    assert scripted.closed == 1


async def test_document_deleted_while_it_is_written_is_not_quoted(
    app: FastAPI, ana: Person, redis: Redis, scripted: Scripted
) -> None:
    document_id = await ana.index("As férias são de 30 dias corridos por ano.")
    scripted.document_ids, scripted.waits_before = [document_id], 2
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()
    await ana.call("DELETE", f"/api/v1/rag/documents/{document_id}")
    scripted.go_on()

    events = await heard(listening)

    answer = (await chat.messages())[1]
    assert events[-1][0] == "error"
    assert events[-1][1]["code"] == answer["error"]["code"] == "CHAT_SOURCE_GONE"
    assert (answer["status"], answer["content"]) == ("failed", None)
    await settled(app.state.runs)
    assert await redis.keys("chat:*:run:*") == []


async def test_who_may_not_see_clients_names_none(
    app: FastAPI, ana: Person, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared_schemas.actor.Actor.may", lambda *_: False)

    answer = await ana.post(CONVERSATIONS, json={"client_id": str(new_id())})

    assert answer.status_code == 403


async def test_words_told_before_a_stop_are_kept(
    app: FastAPI, ana: Person, scripted: Scripted
) -> None:
    scripted.waits_before = 2
    chat = await begin(app, ana)
    listening = await chat.stream()
    await scripted.waiting.wait()
    message_id = (await chat.messages())[1]["id"]

    stopped = await ana.post(f"{chat.path}/{message_id}/stop")
    events = await heard(listening)
    await settled(app.state.runs)

    answer = (await chat.messages())[1]
    assert stopped.status_code == 202
    assert (events[-1][0], events[-1][1]["code"]) == ("error", "CHAT_STOPPED")
    assert (answer["status"], answer["content"]) == ("stopped", "".join(SENTENCES[:2]))
    assert scripted.closed == 1
    again = await ana.post(f"{chat.path}/{message_id}/stop")
    assert (again.status_code, again.json()["data"]["status"]) == (202, "stopped")
    scripted.waits_before = None
    assert (await chat.send())["status"] == "done"
