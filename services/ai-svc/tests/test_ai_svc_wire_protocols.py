"""The three protocols as the official clients speak them: text, tools, streams, tokens."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from ai_svc_brain import PROTOCOLS, QUESTION, Booked, answered, books, chain_of, thinking_through
from fastapi import FastAPI
from pydantic_ai import Agent
from wire.openai_wire import OpenAIWire
from wire.replies import ToolCall, says
from wire.server import WireServer

from ai_svc.modules.providers.service import Brain

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

MODELS = {"openai": "gpt-5-mini", "anthropic": "claude-haiku-5-5", "google": "gemini-3.8-flash"}


@pytest.fixture(params=PROTOCOLS)
async def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def wire(protocol: str) -> AsyncIterator[WireServer]:
    async with PROTOCOLS[protocol].open() as wire:
        yield wire


@pytest.fixture
async def brain(app: FastAPI, protocol: str, wire: WireServer) -> AsyncIterator[Brain]:
    async with thinking_through(app, {protocol: wire}) as brain:
        yield brain


@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_arrives_and_is_booked_as_the_provider_counted(
    brain: Brain,
    wire: WireServer,
    protocol: str,
    streaming: bool,
    superuser: asyncpg.Connection,
) -> None:
    wire.then(says("São trinta dias corridos.", input_tokens=321, output_tokens=45))
    chain = await chain_of(brain)

    assert await answered(chain, streaming=streaming) == "São trinta dias corridos."

    (said,) = chain.answered
    assert (said.provider, said.model, said.kept) == (protocol, MODELS[protocol], None)
    assert (said.input_tokens, said.output_tokens) == (321, 45)
    assert said.cost_micros > 0
    assert await books(superuser) == [Booked(MODELS[protocol], "settled", 321, 45)]


async def test_what_is_asked_arrives_with_the_key_and_the_most_that_may_be_written(
    brain: Brain, wire: WireServer, protocol: str
) -> None:
    await answered(await chain_of(brain), streaming=False)

    (asked,) = wire.asked
    assert QUESTION in asked.text
    assert f"key-of-{protocol}" in " ".join(asked.headers.values())
    assert "4096" in asked.text


@pytest.mark.parametrize("streaming", [False, True])
async def test_tools_are_called_with_what_the_model_gave_and_its_answer_follows(
    brain: Brain, wire: WireServer, streaming: bool
) -> None:
    # In a stream pydantic-ai takes the first text for the answer.
    before = "" if streaming else "Vou ver."
    wire.then(says(before, ToolCall("get_ticket", {"number": 7})), says("O chamado 7 está aberto."))
    agent = Agent(await chain_of(brain))
    seen: list[int] = []

    @agent.tool_plain
    def get_ticket(number: int) -> str:
        seen.append(number)
        return "aberto"

    if streaming:
        async with agent.run_stream("E o chamado 7?") as result:
            output = await result.get_output()
    else:
        output = (await agent.run("E o chamado 7?")).output

    assert (seen, output) == ([7], "O chamado 7 está aberto.")
    first, second = wire.asked
    assert "get_ticket" in first.text
    assert "aberto" in second.text


async def test_a_compatible_server_is_asked_in_words_every_server_of_the_protocol_knows(
    app: FastAPI,
) -> None:
    async with (
        OpenAIWire.open() as wire,
        thinking_through(app, {"compatible": wire}, compatible_country="BR") as brain,
    ):
        chain = await chain_of(brain)
        assert await answered(chain, streaming=True) == "Certo."

    (asked,) = wire.asked
    assert (asked.path, asked.body["model"]) == ("/v1/chat/completions", "local-model")
    assert asked.body["max_tokens"] == 4096
    assert "max_completion_tokens" not in asked.body
    assert chain.answered[0].provider == "compatible"
