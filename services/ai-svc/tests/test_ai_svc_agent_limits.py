"""Runs end: in time, when nobody listens any more, and with everything under them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest
from ai_svc_agents import Runs, Said, ScriptedBrain, answer_of, error_of
from ai_svc_factories import HOLIDAYS, Person
from fastapi import FastAPI
from pydantic_ai.messages import ModelMessage
from pydantic_ai.models.function import AgentInfo

from ai_svc.modules.agents import roster, service
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.roster import ROSTER
from ai_svc.modules.agents.service import run
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed
QUESTION = "Quantos dias de férias eu tenho por ano?"
TRUE = "As férias são de 30 dias corridos por ano."


class Stalling(ScriptedBrain):
    """Says something, and then nothing for ever."""

    def __init__(self, *first: str) -> None:
        super().__init__(script=lambda _, __: ())
        self.first = first
        self.stalls = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def _stream(self, messages: list[ModelMessage], _: AgentInfo) -> AsyncIterator[Said]:
        self.seen.append(messages)
        for text in self.first:
            yield text
        self.stalls.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        yield ""


@pytest.fixture
async def runs(app: FastAPI, token_factory: TokenFactory, ana: Person) -> Runs:
    await ana.index(HOLIDAYS)
    return Runs(app, token_factory)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents that have a fifth of a second."""
    hurried = {name: replace(spec, seconds=0.2) for name, spec in ROSTER.items()}
    monkeypatch.setattr(service, "ROSTER", hurried)


async def test_every_agent_has_its_time_within_the_run() -> None:
    assert all(30 <= spec.seconds <= 60 for spec in ROSTER.values())
    assert all(spec.seconds < roster.RUN_SECONDS <= 60 for spec in ROSTER.values())
    assert all(spec.steps <= 8 for spec in ROSTER.values())


async def test_model_that_stalls_at_once_is_made_up_for(runs: Runs, impatient: None) -> None:
    runs.brain = brain = Stalling()

    answer = await runs.answer(QUESTION)

    assert answer.text == f"{TRUE} [1]"
    assert brain.cancelled.is_set()


async def test_model_that_stalls_in_the_middle_is_an_error(runs: Runs, impatient: None) -> None:
    runs.brain = brain = Stalling(f"São 30 dias de férias. [[S1|{TRUE}]]", " E")

    events = await runs.events(QUESTION)

    assert error_of(events).code == "UNAVAILABLE"
    assert "delta" in [each.type for each in events]
    assert brain.cancelled.is_set()


async def test_whole_run_has_its_time_too(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "RUN_SECONDS", -1.0)

    assert error_of(await runs.events(QUESTION)).code == "UNAVAILABLE"


async def test_closing_cancels_what_goes_on_under_it(runs: Runs) -> None:
    runs.brain = brain = Stalling(f"São 30 dias de férias. [[S1|{TRUE}]]", " E")

    async with aclosing(run(runs.desk, runs.request(QUESTION))) as told:
        async for event in told:
            if event.type == "delta":
                break

    assert brain.cancelled.is_set()


async def test_cancelled_task_cancels_what_goes_on_under_it(runs: Runs) -> None:
    runs.brain = brain = Stalling()
    task = asyncio.create_task(runs.events(QUESTION))
    await brain.stalls.wait()

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert brain.cancelled.is_set()


async def test_two_requests_in_one_message_are_for_two_agents(runs: Runs) -> None:
    events = await runs.events(
        "Quais são os meus direitos pela LGPD? Quantos dias de férias eu tenho por ano segundo o"
        " manual?"
    )

    answer = answer_of(events)
    [chosen] = [each for each in events if each.type == "agent"]
    assert (chosen.agent, chosen.also) == (AgentName.PRIVACY, [AgentName.KNOWLEDGE])
    assert answer.agent is AgentName.PRIVACY
    first, _, second = answer.text.partition("\n\n")
    assert first.startswith("A LGPD (art. 18) garante")
    assert second == f"{TRUE} [1]"
    assert answer.unsupported == []
