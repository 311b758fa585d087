"""What a question put to a provider costs is on the budget of who asks, however it ends."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import asyncpg
import httpx2
import pytest
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_provider import Provider, answering_through, completion, says
from ai_svc_usage import ANA
from fastapi import FastAPI

from ai_svc.modules.rag.answering import AnswerModel, Draft, Tokens
from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.rag.paying import Paid
from chassis.data.database import Database
from shared_schemas.actor import Actor, TokenClaims

pytestmark = pytest.mark.committed

ASK = "/api/v1/rag/ask"
BUDGETS = "/api/v1/ai/budgets"
QUESTION = "Qual o valor do auxílio-creche?"
ANSWER = says("São R$ 850,00 por mês. [1]", (1, "no valor de R$ 850,00 por mês"))


@pytest.fixture
def provider(app: FastAPI) -> Iterator[Provider]:
    """The service answers through this provider for the time of the test."""
    with answering_through(app) as provider:
        provider.reply = completion(ANSWER)
        yield provider


async def entries(superuser: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await superuser.fetch("SELECT * FROM ai.usage_entries")]


async def no_budget(ana: Person) -> None:
    budget = {"scope": "organization", "tokens_per_day": 10}
    assert (await ana.post(BUDGETS, json=budget)).status_code == 201


async def test_an_answer_is_paid_for_by_who_asked(
    ana: Person, provider: Provider, superuser: asyncpg.Connection
) -> None:
    await ana.index(HOLIDAYS)

    first, again = await ana.ask(QUESTION), await ana.ask(QUESTION)

    (entry,) = await entries(superuser)
    assert (first["tokens_used"], again["cached"]) == (120, True)
    assert (entry["state"], entry["use"], entry["user_id"]) == ("settled", "ask", ANA)
    assert (entry["input_tokens"], entry["output_tokens"]) == (100, 20)
    assert entry["model"] == "wire-model"


async def test_without_a_budget_nobody_is_asked(
    ana: Person, provider: Provider, superuser: asyncpg.Connection
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
        (lambda _: httpx2.Response(500), "released", 0),
        (lambda _: httpx2.Response(429), "released", 0),
        (completion("isto não é JSON"), "settled", 120),
        (completion(says("Inventado. [1]", (1, "nunca foi escrito"))), "settled", 120),
        (lambda _: httpx2.Response(200, extensions={"stall": True}), "settled", None),
    ],
)
async def test_a_provider_that_fails_is_paid_what_it_has_used(
    ana: Person,
    provider: Provider,
    superuser: asyncpg.Connection,
    reply: Any,
    state: str,
    tokens: int | None,
) -> None:
    await ana.index(HOLIDAYS)
    provider.reply = reply

    answer = await ana.ask(QUESTION)

    (entry,) = await entries(superuser)
    used = entry["input_tokens"] + entry["output_tokens"]
    assert answer["model"] == "extractive"
    assert entry["state"] == state
    assert used == tokens if tokens is not None else used > 2_000


@dataclass
class Writer:
    """A provider's model that writes on and on, or says what it has used."""

    name: str = "wire-model"
    tokens: Tokens | None = None

    async def stream(self, _: Evidence) -> AsyncGenerator[str | Draft, None]:
        """Ten characters at a time."""
        for _part in range(3 if self.tokens else 1_000):
            yield "dez letras"
        yield Draft("", (), self.name, self.tokens or Tokens(0, 0))


@pytest.mark.parametrize(
    ("tokens", "parts", "output"), [(None, 4, 20), (Tokens(7, 9), 99, 9), (Tokens(7, 9), 1, 5)]
)
async def test_who_hangs_up_pays_for_what_was_written(
    app: FastAPI,
    ana: Person,
    superuser: asyncpg.Connection,
    token_factory: Any,
    tokens: Tokens | None,
    parts: int,
    output: int,
) -> None:
    actor = Actor.of(TokenClaims.model_validate(token_factory.claims("ana")), "tests")
    database: Database = app.state.resources.database
    paid = Paid(cast("AnswerModel", Writer(tokens=tokens)), database, actor)

    evidence = Evidence(QUESTION, cast("Any", None), (), (), None)
    async with aclosing(paid.stream(evidence)) as stream:
        async for _ in stream:
            parts -= 1
            if parts == 0:
                break

    (entry,) = await entries(superuser)
    assert (entry["state"], entry["output_tokens"]) == ("settled", output)
