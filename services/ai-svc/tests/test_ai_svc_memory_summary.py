"""What was said before the latest fifty messages, summarised by a model where there is one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from access_factories import CoreApi
from fastapi import FastAPI
from memory_factories import Chat, make_chat
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from redis.asyncio import Redis

from ai_svc.modules.memory import history, service, summarising
from ai_svc.modules.providers.service import Brain, Call, Use
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

MADE = "A pessoa perguntou de férias; está em aberto a data."


class Scripted(Brain):
    """A model that says what the test wants, and remembers what it was asked."""

    def __init__(self, brain: Brain, says: Callable[[], str]) -> None:
        super().__init__(brain.database, brain.settings, ())
        self.calls: list[Call] = []
        self.asked: list[str] = []
        self._says = says

    async def has_provider(self, organization_id: OrganizationId) -> bool:  # noqa: ARG002 - as asked
        return True

    async def model(self, call: Call, last: Model) -> Any:  # noqa: ARG002 - as asked
        self.calls.append(call)

        def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            self.asked.append(f"{info.instructions} {messages}")
            return ModelResponse(parts=[TextPart(self._says())])

        return FunctionModel(answer)


async def scripted(app: FastAPI, says: Callable[[], str] = lambda: MADE) -> tuple[Chat, Scripted]:
    chat = await make_chat(app)
    brain = Scripted(chat.desk.brain, says)
    chat.desk = replace(chat.desk, brain=brain)
    return chat, brain


async def talk(chat: Chat, times: int, what: str = "Pergunta", **said: Any) -> None:
    for number in range(times):
        await chat.say(f"{what} {number}")


async def answered(chat: Chat) -> None:
    """The assistant answers, and chat tells memory."""
    said = await chat.reply(await chat.say("E agora?"), "Agora sim.")
    await chat.remember(said, "Agora sim.", assistant=True)


async def test_a_model_summarises_previews_and_says_whose_data_they_hold(
    app: FastAPI, clean: None, core_api: CoreApi, redis: Redis
) -> None:
    helena = new_id()
    await core_api.purposes()
    chat, brain = await scripted(app)
    await chat.say("Férias " * 100, helena)
    await talk(chat, 70)
    await answered(chat)

    recalled = await chat.recall()

    assert recalled.summary == MADE
    (call,) = brain.calls
    assert (call.use, call.user_id) == (Use.SUMMARY, chat.actor.user_id)
    assert list(call.carried.client_ids) == [helena] == list(recalled.summary_client_ids)
    (asked,) = brain.asked
    assert ("Férias " * 100)[: history.PREVIEW] in asked
    assert ("Férias " * 100)[: history.PREVIEW + 1] not in asked
    assert '<dados origem="conversa">' in asked
    assert "Pergunta 21" in asked
    assert "Pergunta 22" not in asked


async def test_it_is_made_again_only_when_much_was_said_since(
    app: FastAPI, clean: None, redis: Redis
) -> None:
    chat, brain = await scripted(app)
    await talk(chat, 68)
    await answered(chat)
    for _ in range(9):
        await answered(chat)
    once = len(brain.calls)
    summary = (await chat.recall()).summary or ""
    await answered(chat)

    assert once == 1
    assert summary.splitlines()[0] == MADE
    assert len(summary.splitlines()) == 11
    assert len(brain.calls) == 2
    assert (await chat.recall()).summary == MADE


async def test_short_conversations_ask_no_model(app: FastAPI, clean: None, redis: Redis) -> None:
    chat, brain = await scripted(app)
    await talk(chat, 67)
    await answered(chat)

    assert brain.calls == []


async def test_a_summary_of_what_may_no_longer_be_used_is_not_used(
    app: FastAPI, clean: None, core_api: CoreApi, redis: Redis
) -> None:
    helena = new_id()
    await core_api.purpose("marketing", "consent")
    consent = await core_api.granted(helena)
    chat, _ = await scripted(app, lambda: "Helena mora na rua das Flores.")
    await chat.say("Helena mora na rua das Flores.", helena)
    await talk(chat, 70)
    await answered(chat)
    before = (await chat.recall()).summary
    await core_api.revoked(helena, consent)

    after = await chat.recall()

    assert before == "Helena mora na rua das Flores."
    assert "Helena" not in (after.summary or "")
    assert "Pessoa: Pergunta" in (after.summary or "")
    assert after.summary_client_ids == ()


async def test_a_model_that_fails_leaves_the_lines(app: FastAPI, clean: None, redis: Redis) -> None:
    def fails() -> str:
        raise RuntimeError

    chat, brain = await scripted(app, fails)
    await talk(chat, 70)
    await answered(chat)

    assert len(brain.calls) == 1
    assert len(((await chat.recall()).summary or "").splitlines()) == 10


async def test_without_a_provider_no_model_is_asked(
    app: FastAPI, clean: None, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summarising, "prompt_for", None)
    chat = await make_chat(app)
    await talk(chat, 70)
    await answered(chat)

    assert len(((await chat.recall()).summary or "").splitlines()) == 10


async def test_what_is_forgotten_while_the_model_thinks_is_not_kept(
    app: FastAPI, clean: None, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, brain = await scripted(app)
    await talk(chat, 70)
    asked = summarising._asked

    async def meanwhile(*given: Any) -> str:
        made = await asked(*given)
        await service.forget_conversations(chat.desk, chat.actor.organization_id, [chat.id])
        return made

    monkeypatch.setattr(summarising, "_asked", meanwhile)
    await answered(chat)

    assert len(brain.calls) == 1
    assert await redis.exists(chat.key) == 0
