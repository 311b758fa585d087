"""Who is handed a message: without a model, and with one."""

import pytest
from ai_svc_agents import Runs, ScriptedBrain, says
from fastapi import FastAPI
from pydantic_ai.exceptions import ModelAPIError

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.intents import LEAST, classify
from ai_svc.modules.agents.routing import route
from ai_svc.modules.providers.service import CarriesNothing, Use
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed
UNSURE = "e aquilo de ontem, como ficou?"


class Routing(ScriptedBrain):
    """There is a model to ask."""

    async def has_provider(self, _: object) -> bool:
        return True


@pytest.fixture
def runs(app: FastAPI, token_factory: TokenFactory, clean: None) -> Runs:
    return Runs(app, token_factory, Routing())


async def routed(runs: Runs, message: str) -> tuple[AgentName, float]:
    request = runs.request(message)
    intent = await route(runs.desk, request.actor, message, "", CarriesNothing())
    return intent.agent, intent.confidence


@pytest.mark.parametrize(
    ("message", "agent"),
    [
        ("Qual a situação do chamado 812?", AgentName.SUPPORT),
        ("Qual o telefone da Joana Prado?", AgentName.CRM),
        ("Quero apagar meus dados", AgentName.PRIVACY),
        ("Qual o prazo para pedir reembolso?", AgentName.KNOWLEDGE),
    ],
)
def test_clear_messages_find_their_agent(message: str, agent: AgentName) -> None:
    intent = classify(message)

    assert intent.agent is agent
    assert intent.confidence >= LEAST
    assert intent.parts == ()


@pytest.mark.parametrize("message", ["xyzzy", "", "🙂", "123"])
def test_what_is_like_nothing_known_goes_to_the_default(message: str) -> None:
    intent = classify(message)

    assert intent.agent is AgentName.KNOWLEDGE
    assert intent.confidence < LEAST


def test_two_requests_are_told_apart() -> None:
    intent = classify("Procure o cadastro da Maria Souza e liste os chamados abertos dela")

    assert intent.parts == (
        (AgentName.CRM, "Procure o cadastro da Maria Souza"),
        (AgentName.SUPPORT, "liste os chamados abertos dela"),
    )
    assert intent.also == [AgentName.SUPPORT]


async def test_model_is_asked_where_it_is_not_clear(runs: Runs) -> None:
    runs.brain.script = says('Claro: {"agent": "support", "confidence": 0.8, "also": null}')

    assert await routed(runs, UNSURE) == (AgentName.SUPPORT, 0.8)
    assert [call.use for call in runs.brain.calls] == [Use.ROUTING]


async def test_what_is_set_aside_for_routing_ends_with_its_run(runs: Runs) -> None:
    runs.brain.script = says('{"agent": "support", "confidence": 0.8}')

    await runs.answer(UNSURE)

    routing, *others = runs.brain.calls
    assert routing.use is Use.ROUTING
    assert routing.run_id is not None
    assert {call.run_id for call in others} == {routing.run_id}


async def test_model_is_not_asked_where_it_is_clear(runs: Runs) -> None:
    agent, _ = await routed(runs, "Liste os atendimentos abertos hoje")

    assert agent is AgentName.SUPPORT
    assert runs.brain.calls == []


@pytest.mark.parametrize(
    "said",
    [
        "não sei",
        '{"agent": "boss", "confidence": 1}',
        '{"agent": "crm", "confidence": 7}',
        ModelAPIError("scripted-1", "down"),
    ],
)
async def test_model_that_does_not_know_is_not_followed(
    runs: Runs, said: str | BaseException
) -> None:
    runs.brain.script = says(said)

    assert (await routed(runs, UNSURE))[0] is classify(UNSURE).agent


async def test_model_that_is_not_sure_leaves_it_to_the_default(runs: Runs) -> None:
    runs.brain.script = says('{"agent": "crm", "confidence": 0.2}')

    assert await routed(runs, UNSURE) == (AgentName.KNOWLEDGE, 0.2)


async def test_asker_may_choose_the_agent(runs: Runs) -> None:
    runs.brain = Routing(says("[[NADA]]"))

    answer = await runs.answer("Qual o telefone da Joana?", agent=AgentName.KNOWLEDGE)

    assert answer.agent is AgentName.KNOWLEDGE
