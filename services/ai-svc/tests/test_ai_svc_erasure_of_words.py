"""A person is erased from conversations, from what was proposed and remembered, and from Redis."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from access_factories import CoreApi
from ai_svc_erasing import DUE, WORD, Asking, about, talked
from ai_svc_factories import Person
from fastapi import FastAPI
from memory_factories import Chat, make_chat, make_proposal
from redis.asyncio import Redis
from sqlalchemy.exc import IntegrityError
from traces import forms_of, in_redis, in_tables

from ai_svc.modules.chat.event_store import key_of
from ai_svc.modules.chat.models import MessageDocument, MessageStatus
from ai_svc.modules.memory import short_term
from shared_schemas.ids import new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("nothing_stored")]

FORMS = forms_of(WORD)
MESSAGES = "SELECT content FROM ai.conversation_messages ORDER BY id"


class Deaf(Redis):
    """Says it deleted, and did not."""

    def pipeline(self, *_: Any, **__: Any) -> Any:
        pipeline = super().pipeline(transaction=True)
        pipeline.delete = lambda *_: pipeline  # type: ignore[method-assign]
        return pipeline


@pytest.fixture
async def helena(core_api: CoreApi, redis: Redis) -> UUID:
    await core_api.purposes()
    return new_id()


async def test_the_question_goes_with_its_answer_and_all_else_stays(
    app: FastAPI, asking: Asking, helena: UUID, redis: Redis, superuser: asyncpg.Connection
) -> None:
    chat = await talked(app, helena)
    other = await make_chat(app, title="Férias")
    await other.remember(await other.say("Quantos dias de férias eu tenho?"), "")
    await make_proposal(other, "Abrir chamado", new_id())

    answer = await asking.erase(helena)

    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []
    assert {
        name: answer["erased"][name]
        for name in ("conversations", "conversation_messages", "message_feedback", "at_hand")
    } == {
        "conversations": 2,
        "conversation_messages": 4,
        "message_feedback": 1,
        # Two conversations, and the runs of two answers.
        "at_hand": 4,
    }
    assert [answer["erased"][name] for name in ("proposals", "memories", "memory_corrections")] == [
        1,
        1,
        1,
    ]
    said = [row["content"] for row in await superuser.fetch(MESSAGES)]
    assert said == ["Bom dia.", "Quantos dias de férias eu tenho?"]
    titles = await superuser.fetch("SELECT id, title FROM ai.conversations ORDER BY id")
    assert [tuple(row) for row in titles] == [(chat.id, None), (other.id, "Férias")]
    assert await redis.exists(other.key) == 1
    assert await chat.words() == ["Bom dia."]
    assert await superuser.fetchval("SELECT count(*) FROM ai.erasure_keys") == 0


async def test_a_conversation_of_which_nothing_is_left_goes(
    app: FastAPI, asking: Asking, helena: UUID, superuser: asyncpg.Connection
) -> None:
    chat = await make_chat(app)
    await chat.say(f"Sobre {WORD}", helena)

    await asking.erase(helena)

    assert await superuser.fetchval("SELECT count(*) FROM ai.conversations") == 0


async def test_what_stands_on_a_document_about_the_person_goes(
    ana: Person, app: FastAPI, asking: Asking, helena: UUID, superuser: asyncpg.Connection
) -> None:
    document_id = await ana.index(f"Helena mora na rua {WORD}.", **about(helena))
    chat = await make_chat(app)
    asked = await chat.say("Em que rua?")
    said = await chat.reply(asked, f"Na rua {WORD}.")
    async with chat.desk.database.transaction(chat.actor.organization_id) as session:
        link = {"message_id": said, "document_id": document_id}
        link["organization_id"] = chat.actor.organization_id
        await session.execute(sa.insert(MessageDocument).values(link))

    answer = await asking.erase(helena)

    assert answer["erased"]["conversation_messages"] == 2
    assert await in_tables(superuser, FORMS) == {}


async def test_another_organizations_words_stay(
    app: FastAPI, asking: Asking, helena: UUID, superuser: asyncpg.Connection, redis: Redis
) -> None:
    beto = await make_chat(app, "beto")
    said = await beto.say(f"Sobre {WORD}", helena)
    await redis.hset(beto.key, str(said), WORD)
    before = await in_tables(superuser, FORMS)

    answer = await asking.erase(helena)

    assert set(answer["erased"].values()) == {0}
    assert await in_tables(superuser, FORMS) == before
    assert await in_redis(redis, FORMS) == [beto.key]


async def test_while_redis_is_down_it_stays_open_and_says_why(
    app: FastAPI, asking: Asking, helena: UUID, redis: Redis, superuser: asyncpg.Connection
) -> None:
    await talked(app, helena)
    await asking.request(helena)
    down = Redis(host="127.0.0.1", port=1)
    await asking.eraser(redis=down).drain_once("tests")
    await down.aclose()
    waiting = await asking.states(), await asking.answers(), await in_redis(redis, FORMS)

    await superuser.execute(DUE)
    await asking.eraser().drain_once("tests")

    assert waiting[:2] == ([("pending", "ERASURE_MEMORY_UNAVAILABLE", 1)], [])
    assert waiting[2]
    assert len(await asking.answers()) == 1
    assert await in_redis(redis, FORMS) == []


async def test_what_redis_still_has_is_not_claimed_to_be_gone(
    app: FastAPI, asking: Asking, helena: UUID, redis: Redis, redis_url: str
) -> None:
    await talked(app, helena)
    await asking.request(helena)
    deaf = Deaf.from_url(redis_url)
    await asking.eraser(redis=deaf).drain_once("tests")
    await deaf.aclose()

    assert await asking.states() == [("pending", "ERASURE_NOT_PROVEN", 1)]
    assert await asking.answers() == []


async def test_a_run_that_goes_on_meanwhile_brings_nothing_back(
    app: FastAPI, asking: Asking, helena: UUID, redis: Redis, superuser: asyncpg.Connection
) -> None:
    """As chat does it: who is held is written first, the stream is only added to, PostgreSQL
    decides what is put at hand."""
    chat = await make_chat(app)
    await chat.say("Bom dia.")
    asked = await chat.say(f"Onde mora {WORD}?")
    run_id = new_id()
    running = await chat.reply(asked, None, helena, status=MessageStatus.RUNNING, run_id=run_id)
    stream = key_of(chat.actor.organization_id, run_id)
    await redis.xadd(stream, {"event": "start"})
    number = await short_term.number_of(redis, chat.key)
    words = {running: f"Na rua {WORD}."}

    await asking.erase(helena)
    added: Any = await redis.xadd(stream, {"event": f"Na rua {WORD}"}, nomkstream=True)
    finished = await superuser.execute(
        "UPDATE ai.conversation_messages SET content = $2 WHERE id = $1", running, WORD
    )
    at_hand = await short_term.write(redis, chat.key, number, words)
    await chat.remember(running, f"Na rua {WORD}.", helena, assistant=True)
    with pytest.raises(IntegrityError, match="the client was erased"):
        await chat.say(f"Na rua {WORD}.", helena)
    with pytest.raises(IntegrityError, match="the client was erased"):
        await make_proposal(chat, f"Chamado de {WORD}", helena)

    assert (added, finished, at_hand) == (None, "UPDATE 0", False)
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []


async def test_people_who_go_on_talking_about_somebody_leave_nothing(
    app: FastAPI, asking: Asking, helena: UUID, redis: Redis, superuser: asyncpg.Connection
) -> None:
    chats = [await make_chat(app) for _ in range(3)]
    refused = 0

    async def talk(chat: Chat) -> None:
        nonlocal refused
        while True:
            try:
                said = await chat.say(f"Helena mora na rua {WORD}.", helena)
            except IntegrityError:
                refused += 1
                return
            await chat.remember(said, f"Lembre que Helena mora na rua {WORD}.", helena)
            await chat.recall(f"Onde fica {WORD}?")

    talking = [asyncio.create_task(talk(chat)) for chat in chats]
    while not await superuser.fetchval("SELECT count(*) > 20 FROM ai.message_clients"):
        continue  # every look is a round trip: nothing spins
    await asking.request(helena)
    while not await asking.answers():
        await superuser.execute(DUE)
        await asking.eraser().drain_once("tests")
    await asyncio.gather(*talking)

    assert refused == 3
    assert await in_tables(superuser, FORMS) == {}
    assert await in_redis(redis, FORMS) == []
