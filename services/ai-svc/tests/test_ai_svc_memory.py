"""What is recalled of conversations: by PostgreSQL's word, from Redis where it is at hand."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from access_factories import CoreApi
from fastapi import FastAPI
from memory_factories import Chat, actor_of, make_chat
from redis.asyncio import Redis

from ai_svc.modules.chat.models import MessageStatus, Sharing, Speaker
from ai_svc.modules.memory import history, service, short_term
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


@pytest.fixture
async def chat(app: FastAPI, clean: None, redis: Redis) -> Chat:
    return await make_chat(app)


async def fields(redis: Redis, key: str) -> list[str]:
    found: list[Any] = await redis.hkeys(key)
    return sorted(field.decode() for field in found)


async def test_the_latest_fifty_are_recalled_and_what_was_before_is_summarised(
    chat: Chat, redis: Redis
) -> None:
    for number in range(60):
        said = await chat.say(f"O prazo do contrato {number} termina em junho.")
        await chat.remember(said, "")

    recalled = await chat.recall()

    assert [turn.content for turn in recalled.turns] == [
        f"O prazo do contrato {number} termina em junho." for number in range(10, 60)
    ]
    lines = (recalled.summary or "").splitlines()
    assert lines == [
        f"Pessoa: O prazo do contrato {number} termina em junho." for number in range(10)
    ]
    assert len(await fields(redis, chat.key)) == 50
    assert 0 < await redis.ttl(chat.key) <= 24 * 3600


async def test_a_summary_holds_previews_of_what_is_said_most(chat: Chat) -> None:
    for number in range(30):
        await chat.say(f"Férias, pedido {number}: " + "palavra " * 40)
    for _ in range(50):
        await chat.say("Certo.")

    recalled = await chat.recall()

    lines = (recalled.summary or "").splitlines()
    assert len(lines) == 10
    assert all(len(line) <= len("Pessoa: …") + history.PREVIEW for line in lines)
    assert all(line.startswith("Pessoa: Férias, pedido") for line in lines)


async def test_what_is_being_answered_is_not_its_own_history(chat: Chat) -> None:
    first = await chat.say("Quantos dias de férias eu tenho?")
    await chat.reply(first, "São 30 dias corridos.")
    asked = await chat.say("E em dinheiro?")

    recalled = await chat.recall(before=asked)

    assert [(turn.role, turn.content) for turn in recalled.turns] == [
        ("user", "Quantos dias de férias eu tenho?"),
        ("assistant", "São 30 dias corridos."),
    ]


async def test_a_redis_that_was_wiped_is_filled_again(chat: Chat, redis: Redis) -> None:
    said = [await chat.say(f"Mensagem {number}") for number in range(3)]
    for each in said:
        await chat.remember(each, "")
    before = await chat.words()
    await redis.flushdb()

    again = await chat.words()

    assert again == before == [f"Mensagem {number}" for number in range(3)]
    assert await fields(redis, chat.key) == sorted(map(str, said))


async def test_without_redis_everything_is_recalled(chat: Chat) -> None:
    said = await chat.say("Mensagem")
    await chat.remember(said, "Mensagem")
    down = Redis(host="127.0.0.1", port=1)
    chat.desk = replace(chat.desk, redis=down)

    assert await chat.told("Lembre que o cofre abre às nove.") != ()
    assert await chat.words() == ["Mensagem", "Lembre que o cofre abre às nove."]
    await service.forget_conversations(chat.desk, chat.actor.organization_id, [chat.id])
    await down.aclose()


async def test_redis_spares_reading_the_words(
    chat: Chat, redis: Redis, superuser: asyncpg.Connection
) -> None:
    said = await chat.say("Como foi dito")
    await chat.remember(said, "")
    await superuser.execute("UPDATE ai.conversation_messages SET content = 'de novo'")

    assert await chat.words() == ["Como foi dito"]
    await redis.delete(chat.key)
    assert await chat.words() == ["de novo"]


async def test_a_message_that_was_deleted_is_not_recalled_though_it_is_at_hand(
    chat: Chat, redis: Redis, superuser: asyncpg.Connection
) -> None:
    kept, gone = await chat.say("Fica"), await chat.say("Vai")
    for each in (kept, gone):
        await chat.remember(each, "")
    await superuser.execute("DELETE FROM ai.conversation_messages WHERE id = $1", gone)

    assert str(gone) in await fields(redis, chat.key)
    assert await chat.words() == ["Fica"]


async def test_of_answers_to_one_question_the_last_that_was_given_is_recalled(chat: Chat) -> None:
    asked = await chat.say("Pergunta")
    await chat.reply(asked, "Primeira resposta")
    await chat.reply(asked, "Segunda resposta")
    await chat.reply(asked, None, status=MessageStatus.FAILED)
    await chat.reply(asked, None, status=MessageStatus.RUNNING)

    assert await chat.words() == ["Pergunta", "Segunda resposta"]


async def test_nobody_else_is_reminded_of_it(chat: Chat) -> None:
    said = await chat.say("Segredo da Ana")
    await chat.remember(said, "")

    for name in ("bruno", "beto"):
        recalled = await chat.recall("Segredo da Ana", actor=actor_of(name))
        assert (recalled.turns, recalled.earlier, recalled.facts) == ([], [], [])


async def test_not_even_of_a_conversation_that_is_shared(app: FastAPI, chat: Chat) -> None:
    shared = await make_chat(app, visibility=Sharing.ORGANIZATION)
    await shared.say("Combinado com todos")

    assert (await shared.recall(actor=actor_of("bruno"))).turns == []
    assert await shared.words() == ["Combinado com todos"]


@pytest.mark.parametrize("how", ["revoked", "blocked"])
async def test_what_may_not_be_used_is_not_recalled(
    chat: Chat, core_api: CoreApi, redis: Redis, how: str
) -> None:
    helena = new_id()
    await core_api.purpose("marketing", "consent")
    consent = await core_api.granted(helena)
    of_nobody = await chat.say("Bom dia")
    of_helena = await chat.reply(of_nobody, "Helena mora na rua das Flores.", helena)
    for each in (of_nobody, of_helena):
        await chat.remember(each, "")
    before = await chat.words()
    block_id = new_id()
    if how == "revoked":
        await core_api.revoked(helena, consent)
    else:
        await core_api.blocked(helena, block_id=block_id)

    during = await chat.recall()

    assert before == ["Bom dia", "Helena mora na rua das Flores."]
    assert [turn.content for turn in during.turns] == ["Bom dia"]
    assert helena not in during.client_ids
    if how == "revoked":
        await core_api.granted(helena)
    else:
        await core_api.unblocked(helena, block_id)
    assert await chat.words() == before


async def test_what_may_not_be_used_is_not_put_at_hand(
    chat: Chat, core_api: CoreApi, redis: Redis
) -> None:
    await core_api.purpose("marketing", "consent")
    said = await chat.say("Helena mora na rua das Flores.", new_id())

    await chat.remember(said, "Helena mora na rua das Flores.")

    assert await redis.exists(chat.key) == 0


async def test_whose_data_and_which_documents_memory_brings_in(
    chat: Chat, core_api: CoreApi
) -> None:
    helena, rita = new_id(), new_id()
    await core_api.purposes()
    await chat.say("Sobre Helena", helena)
    for _ in range(50):
        await chat.say("Sobre Rita", rita)

    recalled = await chat.recall()

    assert recalled.client_ids == {helena, rita}
    assert recalled.summary_client_ids == (helena,)
    assert {turn.client_ids for turn in recalled.turns} == {(rita,)}


async def test_earlier_questions_come_back_as_previews_and_only_of_whom_it_is_about(
    app: FastAPI, chat: Chat, core_api: CoreApi
) -> None:
    helena, rita = new_id(), new_id()
    await core_api.purposes()
    long = "Qual é o prazo de entrega do certificado? " * 5
    await chat.say(long)
    await chat.reply(await chat.say("Prazo de entrega da Rita?", rita), "Amanhã.", rita)
    await chat.say("Prazo de entrega da Helena?", helena)
    now = await make_chat(app)
    question = "Qual era o prazo de entrega?"

    nobody = await now.recall(question)
    named = await now.recall(question, client_id=helena)
    other = await now.recall("Onde fica o refeitório?")

    assert [each.text for each in nobody.earlier] == [long[: history.PREVIEW]]
    assert {each.text for each in named.earlier} == {
        long[: history.PREVIEW],
        "Prazo de entrega da Helena?",
    }
    assert other.earlier == []
    assert named.client_ids == {helena}


async def test_of_a_named_client_without_a_basis_nothing_comes_back(
    app: FastAPI, chat: Chat, core_api: CoreApi
) -> None:
    helena = new_id()
    await core_api.purposes()
    await chat.say("Prazo de entrega da Helena?", helena)
    now = await make_chat(app)
    await core_api.blocked(helena)

    recalled = await now.recall("Qual era o prazo de entrega?", client_id=helena)

    assert recalled.earlier == []


async def test_who_read_before_forgetting_writes_nothing_after(chat: Chat, redis: Redis) -> None:
    said = await chat.say("Palavras")
    number = await short_term.number_of(redis, chat.key)
    await service.forget_conversations(chat.desk, chat.actor.organization_id, [chat.id])

    assert not await short_term.write(redis, chat.key, number, {said: "Palavras"})
    assert await redis.exists(chat.key) == 0
    later = await short_term.number_of(redis, chat.key)
    assert await short_term.write(redis, chat.key, later, {said: "Palavras"})


async def test_many_at_once_keep_the_latest_fifty(chat: Chat, redis: Redis) -> None:
    said = [await chat.say(f"Mensagem {number}") for number in range(55)]

    await asyncio.gather(*(chat.remember(each, "") for each in said))

    assert await fields(redis, chat.key) == sorted(map(str, said[5:]))


async def test_an_answer_that_was_stopped_is_recalled_as_far_as_it_got(chat: Chat) -> None:
    asked: UUID = await chat.say("Conte tudo")
    await chat.reply(asked, "Era uma vez", status=MessageStatus.STOPPED)

    assert [turn.role for turn in (await chat.recall()).turns] == [Speaker.USER, Speaker.ASSISTANT]
