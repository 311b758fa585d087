"""Real conversations and what is remembered of them; a person erased while an answer is written."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from access_factories import CoreApi
from ai_svc_erasing import WORD, Asking
from ai_svc_factories import Person
from chat_factories import QUESTION, Scripted, begin, heard, kill, settled
from fastapi import FastAPI
from memory_factories import make_chat
from redis.asyncio import Redis
from traces import forms_of, in_redis, in_tables

from ai_svc.modules.access import service as access
from ai_svc.modules.memory import service as memory
from ai_svc.modules.memory import summarising
from ai_svc.modules.providers.service import Brain
from shared_schemas.ids import new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("nothing_stored")]

FORMS = forms_of(WORD)
MEMORIES = "/api/v1/chat/memories"
SAID = (f"Helena mora na rua {WORD}.", f" Fica perto da praça {WORD}.")


@pytest.fixture
async def runs(app: FastAPI, clean: None, redis: Redis) -> AsyncIterator[Any]:
    """Whatever still runs ends before its rows are deleted."""
    yield app.state.runs
    await settled(app.state.runs)


@pytest.fixture
def agent(app: FastAPI, runs: Any) -> Iterator[Scripted]:
    scripted, before = Scripted(), app.state.runs.runner
    app.state.runs.runner = scripted
    yield scripted
    app.state.runs.runner = before


async def test_the_next_question_comes_with_what_was_said_and_told(
    app: FastAPI, ana: Person, agent: Scripted, runs: Any, redis: Redis
) -> None:
    chat = await begin(app, ana)
    await chat.send("Lembre que prefiro respostas curtas.")
    await settled(runs)
    (memory,) = (await ana.get(MEMORIES)).json()["data"]
    await redis.flushdb()

    await chat.send(QUESTION)

    asked = agent.asked[-1]
    assert memory["text"] == "Prefiro respostas curtas."
    assert [turn.role for turn in asked.history] == ["user", "assistant"]
    assert asked.history[0].content == "Lembre que prefiro respostas curtas."
    assert asked.recalled is not None
    assert [fact.text for fact in asked.recalled.facts] == ["Prefiro respostas curtas."]


async def test_killed_before_it_was_remembered_the_answer_is_recalled_all_the_same(
    app: FastAPI, ana: Person, agent: Scripted, runs: Any, redis: Redis
) -> None:
    chat = await begin(app, ana)
    await chat.send(QUESTION)
    await kill(runs)
    await redis.flushdb()

    await chat.send("E em dinheiro?")

    assert [turn.content for turn in agent.asked[-1].history] == [
        QUESTION,
        "".join(agent.sentences),
    ]


async def test_a_long_conversation_is_summarised_by_the_model_there_is(
    app: FastAPI,
    ana: Person,
    agent: Scripted,
    runs: Any,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def has_provider(*_: object) -> bool:
        return True

    async def made(*_: object) -> str:
        return "Até aqui falou-se de férias."

    monkeypatch.setattr(Brain, "has_provider", has_provider)
    monkeypatch.setattr(summarising, "_asked", made)
    chat = await begin(app, ana)
    for _ in range((memory.WINDOW + summarising.STEP) // 2):
        await chat.send(QUESTION)
    await settled(runs)

    await chat.send("E em dinheiro?")

    recalled = agent.asked[-1].recalled
    assert recalled is not None
    assert recalled.summary == "Até aqui falou-se de férias."


async def test_a_deleted_conversation_is_at_hand_no_more(
    app: FastAPI, ana: Person, agent: Scripted, runs: Any, redis: Redis
) -> None:
    chat = await begin(app, ana)
    agent.sentences = SAID
    await chat.send(f"Onde mora {WORD}?")
    await settled(runs)
    before = await in_redis(redis, FORMS)

    gone = await ana.call("DELETE", f"/api/v1/chat/conversations/{chat.id}")

    assert gone.status_code == 204
    assert any(key.startswith("memory:") for key in before)
    assert await in_redis(redis, FORMS) == []


async def test_a_person_erased_while_an_answer_is_written_is_not_in_it(
    app: FastAPI,
    ana: Person,
    agent: Scripted,
    runs: Any,
    redis: Redis,
    asking: Asking,
    core_api: CoreApi,
    superuser: asyncpg.Connection,
) -> None:
    helena = new_id()
    await core_api.purposes()
    agent.sentences, agent.waits_before, agent.client_ids = SAID, 1, [helena]
    chat = await begin(app, ana)
    listening = await chat.stream(f"Onde mora {WORD}?")
    await agent.waiting.wait()
    while not await in_redis(redis, FORMS):
        continue  # every look is a round trip: nothing spins

    answer = await asking.erase(helena)
    agent.go_on()
    events = await heard(listening)
    await settled(runs)

    assert answer["erased"]["conversation_messages"] == 2
    assert "done" not in [name for name, _, _ in events]
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []


async def test_a_run_that_comes_to_an_erased_person_tells_nothing(
    app: FastAPI,
    ana: Person,
    agent: Scripted,
    runs: Any,
    redis: Redis,
    asking: Asking,
    core_api: CoreApi,
    superuser: asyncpg.Connection,
) -> None:
    helena = new_id()
    await core_api.purposes()
    await asking.erase(helena)
    agent.sentences, agent.client_ids = SAID, [helena]
    chat = await begin(app, ana)

    events = await heard(await chat.stream("Onde ela mora?"))
    await settled(runs)

    assert [name for name, _, _ in events] == ["start", "error"]
    assert events[-1][1]["code"] == "CLIENT_ERASED"
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []


async def test_core_api_says_first_what_stands_now(
    app: FastAPI, clean: None, core_api: CoreApi, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events are late: what it answers when it is asked holds."""
    helena = new_id()
    await core_api.purpose("marketing", "consent")
    consent = await core_api.granted(helena)
    chat = await make_chat(app)
    await chat.say("Qual é o prazo de entrega da Helena?", helena)
    now = await make_chat(app)
    asked: list[UUID | None] = []

    async def refresh(_workshop: Any, _actor: Any, client_id: UUID | None) -> None:
        asked.append(client_id)
        if client_id is not None:
            await core_api.revoked(helena, consent)

    monkeypatch.setattr(access, "refresh", refresh)
    recalled = await now.recall("Qual é o prazo de entrega?", client_id=helena)
    kept = await now.told("Lembre que Helena prefere e-mail.", helena)

    assert asked == [helena, helena]
    assert (recalled.earlier, kept) == ([], ())
