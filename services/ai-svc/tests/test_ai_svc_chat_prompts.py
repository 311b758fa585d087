"""Trying a prompt that is not in production, in a conversation: for who chooses the prompts."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ai_svc_brain import thinking_through
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_prompt_files import prompt_files
from chat_factories import Chat, begin, settled
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import says

from ai_svc.modules.agents import service as agents
from ai_svc.prompts import files

pytestmark = pytest.mark.committed

QUESTION = "Quantos dias de férias eu tenho por ano?"
ANSWER = "Você tem 30 dias de férias. [[S1|As férias são de 30 dias corridos por ano.]]"
CANDIDATE = "/api/v1/ai/prompts/agent_knowledge/aliases/candidate"
TRIED = "Responda como quem experimenta."


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[None]:
    """The prompt we ship, and one that says something more."""
    shipped = (files.FOLDER / "agent_knowledge.v1.md").read_text(encoding="utf-8")
    changed = shipped.replace("version: 1", "version: 2", 1).replace(
        "Regras que valem sempre:", f"{TRIED}\n\nRegras que valem sempre:"
    )
    with prompt_files(tmp_path, agent_knowledge_v1=shipped, agent_knowledge_v2_candidate=changed):
        yield


@pytest.fixture
async def wire(app: FastAPI, clean: None) -> AsyncIterator[OpenAIWire]:
    """Conversations are answered through it."""
    runs = app.state.runs
    before = runs.runner
    async with OpenAIWire.open() as wire, thinking_through(app, {"openai": wire}):
        runs.runner = lambda request: agents.run(app.state.desk, request)
        yield wire.always(says(ANSWER))
        await settled(runs)
    runs.runner = before


async def say(chat: Chat, **more: str) -> Any:
    """The answer of the agent for documents."""
    body = {"content": QUESTION, "agent": "knowledge", **more}
    return await chat.person.post(chat.path, json=body)


async def test_the_candidate_is_tried_and_production_stays(
    app: FastAPI, ana: Person, wire: OpenAIWire
) -> None:
    await ana.index(HOLIDAYS)
    await ana.call("PUT", CANDIDATE, json={"prompt_version": 2})
    chat = await begin(app, ana)

    usual = (await say(chat)).json()["data"]
    tried = (await say(chat, prompt_alias="candidate")).json()["data"]
    anew = await ana.post(
        f"{chat.path}/{usual['id']}/regenerate", json={"prompt_alias": "candidate"}
    )

    assert usual["prompt_version"] == "agent_knowledge.v1"
    assert tried["prompt_version"] == "agent_knowledge.v2"
    assert anew.json()["data"]["prompt_version"] == "agent_knowledge.v2"
    assert [TRIED in asked.text for asked in wire.asked] == [False, True, True]


async def test_who_does_not_choose_prompts_does_not_try_them(
    app: FastAPI, person: Callable[[str], Person], wire: OpenAIWire
) -> None:
    chat = await begin(app, person("bruno"))

    refused = await say(chat, prompt_alias="candidate")
    unknown = await say(chat, prompt_alias="newest")

    assert (refused.status_code, unknown.status_code) == (403, 422)
    assert await chat.messages() == []
    assert wire.asked == []


async def test_a_key_stands_for_the_alias_too(app: FastAPI, ana: Person, wire: OpenAIWire) -> None:
    await ana.index(HOLIDAYS)
    chat = await begin(app, ana)
    body = {"content": QUESTION, "agent": "knowledge"}
    key = {"idempotency-key": "tentativa-1"}
    await ana.post(chat.path, json=body, headers=key)

    other = await ana.post(chat.path, json=body | {"prompt_alias": "candidate"}, headers=key)

    assert other.status_code == 409
