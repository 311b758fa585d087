"""Agents through the real Brain: providers at the wire, with tools, failures, and their price."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from ai_svc_agents import Runs, answer_of, error_of
from ai_svc_brain import PROTOCOLS, thinking_through
from ai_svc_factories import HOLIDAYS, Person
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses, ToolCall, says

from ai_svc.modules.agents.events import AgentName, RunEvent
from ai_svc.modules.agents.service import run
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed
QUESTION = "Quantos dias de férias eu tenho por ano?"
TRUE = "As férias são de 30 dias corridos por ano."
ANSWER = f"Você tem 30 dias de férias. [[S1|{TRUE}]] Posso ajudar em algo mais?"


@pytest.fixture
async def runs(app: FastAPI, token_factory: TokenFactory, ana: Person) -> Runs:
    await ana.index(HOLIDAYS)
    return Runs(app, token_factory)


@pytest.fixture
async def wire() -> AsyncIterator[OpenAIWire]:
    async with OpenAIWire.open() as wire:
        yield wire


async def told(runs: Runs, question: str = QUESTION) -> list[RunEvent]:
    """By the application's own desk."""
    request = runs.request(question, agent=AgentName.KNOWLEDGE)
    async with aclosing(run(runs.app.state.desk, request)) as events:
        return [event async for event in events]


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "google"])
async def test_every_protocol_calls_tools_and_cites(runs: Runs, protocol: str) -> None:
    async with PROTOCOLS[protocol].open() as wire:
        wire.then(says("", ToolCall("current_date", {})), says(ANSWER))
        async with thinking_through(runs.app, {protocol: wire}):
            events = await told(runs)

    answer = answer_of(events)
    assert answer.text == "Você tem 30 dias de férias. [1] Posso ajudar em algo mais?"
    assert answer.unsupported == []
    assert answer.prompt_version == "agent_knowledge.v1"
    assert answer.model != "extractive"
    assert answer.tokens_used > 0
    used = [each.skill for each in events if each.type == "tool_call"]
    assert used == ["search_knowledge", "current_date"]


async def test_provider_that_refuses_is_made_up_for(runs: Runs, wire: OpenAIWire) -> None:
    wire.always(Refuses(500))
    async with thinking_through(runs.app, {"openai": wire}):
        answer = answer_of(await told(runs))

    assert (answer.text, answer.model) == (f"{TRUE} [1]", "extractive")


async def test_stream_that_is_cut_ends_in_an_error(runs: Runs, wire: OpenAIWire) -> None:
    wire.then(says(f"{ANSWER} E ainda mais uma frase. E outra.", cut_after=24))
    async with thinking_through(runs.app, {"openai": wire}):
        events = await told(runs)

    sent = [each.text for each in events if each.type == "delta"]
    assert sent == ["Você tem 30 dias de férias. [1]", " Posso ajudar em algo mais?"]
    assert error_of(events).code == "UNAVAILABLE"


async def test_model_reads_documents_as_data(runs: Runs, wire: OpenAIWire) -> None:
    wire.then(says(ANSWER))
    async with thinking_through(runs.app, {"openai": wire}):
        await told(runs)

    sent = wire.asked[-1].text
    assert "<dados origem=" in sent
    assert "nunca" in sent
    assert "instrução" in sent
