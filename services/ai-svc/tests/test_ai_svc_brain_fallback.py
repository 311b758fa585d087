"""Who answers when a provider does not: in order, in time, and nobody is paid for nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Final

import asyncpg
import pytest
from ai_svc_brain import (
    HERE,
    PROTOCOLS,
    Booked,
    Wires,
    answered,
    asked,
    books,
    call_of,
    chain_of,
    thinking_through,
)
from fastapi import FastAPI
from pydantic_ai.models import ModelRequestParameters
from wire.openai_wire import OpenAIWire
from wire.replies import HangsUp, Page, Refuses, Reply, Stalls, says
from wire.server import WireServer

from ai_svc.modules.providers.service import Kept

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

NEVER: Final = 10**6
# What went wrong, and whether it may have cost something: (asked for a whole answer, streaming).
FAILURES: Final[dict[str, tuple[Reply, bool]]] = {
    "500": (Refuses(500), False),
    "503": (Refuses(503), False),
    "429 without saying when": (Refuses(429), False),
    "429 for too long": (Refuses(429, retry_after="60"), False),
    "401": (Refuses(401), False),
    "400": (Refuses(400), False),
    "stalls": (Stalls(), True),
    "hangs up": (HangsUp(), True),
    "a proxy's page": (Page(), True),
    "cut": (says("Nunca dito.", cut_after=0), True),
    "garbled": (says("Nunca dito.", garbled_after=0), True),
}
ONLY_STREAMED: Final[dict[str, tuple[Reply, bool]]] = {
    "stalls in the stream": (says("Nunca dito.", stalls_after=0), True),
    "cut cleanly": (says("Nunca dito.", cut_after=0, cleanly=True), True),
    "fails in the stream": (says("Nunca dito.", fails_after=0), True),
    "says nothing": (says(""), True),
}


@pytest.fixture(params=PROTOCOLS)
async def wires(request: pytest.FixtureRequest) -> AsyncIterator[Wires]:
    """A provider that is asked first, of each protocol, and one that is asked next."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(PROTOCOLS[request.param].open())
        second = await stack.enter_async_context(OpenAIWire.open())
        second.always(says("Do segundo."))
        yield {request.param: first, "compatible": second}


def first_of(wires: Wires) -> WireServer:
    return next(iter(wires.values()))


@pytest.mark.parametrize(
    ("streaming", "what"),
    [(False, what) for what in FAILURES] + [(True, what) for what in FAILURES | ONLY_STREAMED],
)
async def test_whatever_goes_wrong_before_a_word_the_next_one_answers(
    app: FastAPI, wires: Wires, what: str, streaming: bool, superuser: asyncpg.Connection
) -> None:
    reply, costs = (FAILURES | ONLY_STREAMED)[what]
    first_of(wires).always(reply)

    async with thinking_through(
        app, wires, time_limit_seconds=1.5, first_token_seconds=1.0
    ) as brain:
        chain = await chain_of(brain)
        assert await answered(chain, streaming=streaming) == "Do segundo."

    assert [said.provider for said in chain.answered] == ["compatible"]
    assert len(first_of(wires).asked) == 1
    lost, paid = await books(superuser)
    assert lost.state == ("settled" if costs else "released")
    assert (lost.input_tokens > 0) is costs
    assert paid == Booked("local-model", "settled", 100, 20)


async def test_three_are_asked_in_the_order_of_the_settings_and_the_built_in_model_is_last(
    app: FastAPI,
) -> None:
    async with AsyncExitStack() as stack:
        wires = {
            name: await stack.enter_async_context(PROTOCOLS[name].open())
            for name in ("google", "openai", "anthropic")
        }
        for wire in wires.values():
            wire.then(Refuses(500))
        async with thinking_through(app, wires) as brain:
            chain = await chain_of(brain)
            assert await answered(chain, streaming=False) == HERE
            assert await answered(chain, streaming=False) == "Certo."

    builtin, google = chain.answered
    assert (builtin.provider, builtin.model) == ("builtin", "extractive")
    assert (builtin.kept, builtin.cost_micros) == (Kept.UNAVAILABLE, 0)
    assert google.provider == "google"
    assert [len(wire.asked) for wire in wires.values()] == [2, 1, 1]


@pytest.mark.parametrize("streaming", [False, True])
async def test_who_says_when_to_come_back_is_asked_again_if_that_fits(
    app: FastAPI, wires: Wires, streaming: bool, superuser: asyncpg.Connection
) -> None:
    first = first_of(wires).then(
        Refuses(429, retry_after="0"), Refuses(503, retry_after="0"), says("Agora sim.")
    )

    async with thinking_through(app, wires) as brain:
        assert await answered(await chain_of(brain), streaming=streaming) == "Agora sim."

    assert len(first.asked) == 3
    assert [entry.state for entry in await books(superuser)] == ["released", "released", "settled"]


async def test_who_keeps_saying_so_is_passed_over(app: FastAPI, wires: Wires) -> None:
    first = first_of(wires).always(Refuses(429, retry_after="0"))

    async with thinking_through(app, wires) as brain:
        assert await answered(await chain_of(brain), streaming=False) == "Do segundo."

    assert len(first.asked) == 3


async def test_a_pause_that_leaves_no_time_is_not_made(app: FastAPI, wires: Wires) -> None:
    first_of(wires).always(Refuses(429, retry_after="4"))

    async with (
        asyncio.timeout(3.8),
        thinking_through(app, wires, total_seconds=4.5) as brain,
    ):
        assert await answered(await chain_of(brain), streaming=False) == "Do segundo."


@pytest.mark.parametrize("streaming", [False, True])
async def test_all_of_them_together_take_no_longer_than_the_whole_may(
    app: FastAPI, wires: Wires, streaming: bool
) -> None:
    for wire in wires.values():
        wire.always(Stalls())
    loop = asyncio.get_running_loop()

    async with thinking_through(app, wires, total_seconds=2.5, time_limit_seconds=2.0) as brain:
        began = loop.time()
        assert await answered(await chain_of(brain), streaming=streaming) == HERE
        took = loop.time() - began

    # Each by itself would have had four.
    assert 2.4 < took < 3.8
    assert [len(wire.asked) for wire in wires.values()] == [1, 1]


async def test_who_asks_may_allow_less_time(app: FastAPI, wires: Wires) -> None:
    for wire in wires.values():
        wire.always(Stalls())

    async with asyncio.timeout(4.0), thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        response = await chain.request(
            asked(), {"request_timeout": 0.3, "first_event_timeout": 0.1}, ModelRequestParameters()
        )

    assert response.text == HERE
    assert [len(wire.asked) for wire in wires.values()] == [1, 0]


async def test_a_refused_connection_is_tried_again_and_costs_nothing(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    name = next(iter(wires))
    nobody = "http://127.0.0.1:9"

    async with thinking_through(app, wires, **{f"{name}_base_url": nobody}) as brain:
        assert await answered(await chain_of(brain), streaming=False) == "Do segundo."

    states = [entry.state for entry in await books(superuser)]
    assert states == ["released", "released", "released", "settled"]


async def test_who_keeps_failing_is_not_asked_for_a_while_and_then_once_to_find_out(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    first = first_of(wires).always(Refuses(500))
    async with thinking_through(app, wires) as brain:
        breaker = brain.providers[0].breaker
        chain = await chain_of(brain)
        for _ in range(7):
            assert await answered(chain, streaming=False) == "Do segundo."
        assert (len(first.asked), breaker.state.value) == (5, "open")

        breaker._clock = _later(breaker._clock)
        assert await answered(chain, streaming=False) == "Do segundo."
        assert (len(first.asked), breaker.state.value) == (6, "open")

        breaker._clock = _later(breaker._clock)
        first.always(says("Voltei."))
        assert await answered(chain, streaming=True) == "Voltei."
        assert breaker.state.value == "closed"
        assert await answered(chain, streaming=False) == "Voltei."

    assert len(first.asked) == 8
    assert {entry.state for entry in await books(superuser)} == {"released", "settled"}


def _later(clock: Callable[[], float]) -> Callable[[], float]:
    return lambda: clock() + 31.0


@pytest.mark.parametrize("status", [400, 422])
async def test_a_request_that_is_refused_for_itself_does_not_open_the_circuit(
    app: FastAPI, wires: Wires, status: int
) -> None:
    first = first_of(wires).always(Refuses(status))

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        for _ in range(7):
            await answered(chain, streaming=False)
        assert brain.providers[0].breaker.state.value == "closed"

    assert len(first.asked) == 7


async def test_without_a_provider_the_built_in_model_answers_and_nothing_is_booked(
    app: FastAPI, superuser: asyncpg.Connection
) -> None:
    async with thinking_through(app, {}) as brain:
        chain = await chain_of(brain)
        assert await answered(chain, streaming=True) == HERE
        assert not await brain.has_provider(call_of().organization_id)

    assert [said.kept for said in chain.answered] == [Kept.NO_PROVIDER]
    assert await books(superuser) == []
