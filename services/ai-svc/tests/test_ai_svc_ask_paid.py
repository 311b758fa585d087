"""What a question put to a provider costs is on the budget of who asks, however it ends."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from ai_svc_brain import PROTOCOLS, thinking_through
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_provider import ASK, MODEL, answering_through, listen, quoting, streamed
from ai_svc_usage import ANA
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses, Reply, Stalls, says

pytestmark = pytest.mark.committed

BUDGETS = "/api/v1/ai/budgets"
QUESTION = "Qual o valor do auxílio-creche?"
ANSWER = quoting("São R$ 850,00 por mês. [1]", (1, "no valor de R$ 850,00 por mês"))


@pytest.fixture
async def provider(app: FastAPI) -> AsyncIterator[OpenAIWire]:
    """The service answers through this provider for the time of the test."""
    async with answering_through(app) as provider:
        yield provider.always(ANSWER)


async def entries(superuser: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await superuser.fetch("SELECT * FROM ai.usage_entries")]


async def no_budget(ana: Person) -> None:
    budget = {"scope": "organization", "tokens_per_day": 10}
    assert (await ana.post(BUDGETS, json=budget)).status_code == 201


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_paid_for_by_who_asked(
    ana: Person, provider: OpenAIWire, superuser: asyncpg.Connection, stream: bool
) -> None:
    await ana.index(HOLIDAYS)

    first = (await streamed(ana, QUESTION))[-1][1] if stream else await ana.ask(QUESTION)
    again = await ana.ask(QUESTION)

    (entry,) = await entries(superuser)
    assert (first["tokens_used"], again["cached"]) == (120, True)
    assert (entry["state"], entry["use"], entry["user_id"]) == ("settled", "ask", ANA)
    assert (entry["input_tokens"], entry["output_tokens"]) == (100, 20)
    assert entry["model"] == MODEL


async def test_without_a_budget_nobody_is_asked(
    ana: Person, provider: OpenAIWire, superuser: asyncpg.Connection
) -> None:
    await ana.index(HOLIDAYS)
    await no_budget(ana)

    answer = await ana.post(ASK, json={"question": QUESTION})
    stream = await ana.post(ASK, json={"question": QUESTION, "stream": True})

    assert (answer.status_code, answer.json()["code"]) == (429, "BUDGET_EXCEEDED")
    assert int(answer.headers["retry-after"]) > 0
    assert "O limite de 10 tokens por dia da organização" in answer.json()["message"]
    assert "event: error" in stream.text
    assert "BUDGET_EXCEEDED" in stream.text
    assert provider.asked == []
    assert await entries(superuser) == []


async def test_the_built_in_model_costs_nothing(ana: Person, superuser: asyncpg.Connection) -> None:
    await ana.index(HOLIDAYS)
    await no_budget(ana)

    answer = await ana.ask(QUESTION)

    assert answer["model"] == "extractive"
    assert await entries(superuser) == []


@pytest.mark.parametrize(
    ("reply", "state", "tokens"),
    [
        (Refuses(500), "released", 0),
        (Refuses(429), "released", 0),
        (says("isto não é JSON"), "settled", 120),
        (quoting("Inventado. [1]", (1, "nunca foi escrito")), "settled", 120),
    ],
    ids=["500", "429", "prose", "invented"],
)
async def test_a_provider_that_fails_is_paid_what_it_has_used(
    ana: Person,
    provider: OpenAIWire,
    superuser: asyncpg.Connection,
    reply: Reply,
    state: str,
    tokens: int,
) -> None:
    await ana.index(HOLIDAYS)
    provider.always(reply)

    answer = await ana.ask(QUESTION)

    (entry,) = await entries(superuser)
    assert answer["model"] == "extractive"
    assert entry["state"] == state
    assert entry["input_tokens"] + entry["output_tokens"] == tokens


async def test_one_that_stalls_may_have_written_all_of_it(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection
) -> None:
    await ana.index(HOLIDAYS)

    async with answering_through(app, time_limit_seconds=0.5) as provider:
        provider.always(Stalls())
        answer = await ana.ask(QUESTION)

    (entry,) = await entries(superuser)
    assert answer["model"] == "extractive"
    assert entry["state"] == "settled"
    assert (entry["input_tokens"] > 100, entry["output_tokens"]) == (True, 4096)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_who_hangs_up_pays_for_what_was_written(
    app: FastAPI, ana: Person, superuser: asyncpg.Connection, protocol: str
) -> None:
    await ana.index(HOLIDAYS)

    async def hang_up() -> bool:
        return False

    async with PROTOCOLS[protocol].open() as wire:
        wire.always(quoting("São R$ 850,00 por mês. [1]", (1, "R$ 850,00"), stalls_after=6))
        async with thinking_through(app, {protocol: wire}):
            heard = await listen(app, ana, QUESTION, hang_up)
            await wire.left.wait()

    (entry,) = await entries(superuser)
    assert "event: delta" in heard
    assert "event: done" not in heard
    assert (entry["state"], len(wire.asked)) == ("settled", 1)
    assert 0 < entry["output_tokens"] < 100  # what came, not all that was set aside
    assert entry["input_tokens"] > 0
