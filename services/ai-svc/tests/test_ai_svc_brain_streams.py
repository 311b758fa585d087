"""After the first word: a stream that breaks is an error and nobody goes on for it, a reader that
goes away is not paid for any longer, and what it took is booked once."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Any, Final

import asyncpg
import pytest
from ai_svc_brain import (
    PROTOCOLS,
    Wires,
    answered,
    asked,
    books,
    chain_of,
    pieces,
    thinking_through,
)
from fastapi import FastAPI
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError
from pydantic_ai.models import ModelRequestParameters
from wire.openai_wire import OpenAIWire
from wire.replies import Reply, Stalls, ToolCall, says
from wire.server import WireServer

from ai_svc.modules.providers.service import Chain
from ai_svc.modules.usage import service as usage

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

BEGINNING: Final = "São trinta "
BREAKS: Final[dict[str, Reply]] = {
    "cut": says("São trinta dias corridos.", cut_after=2),
    "cut cleanly": says("São trinta dias corridos.", cut_after=2, cleanly=True),
    "stalls": says("São trinta dias corridos.", stalls_after=2),
    "fails": says("São trinta dias corridos.", fails_after=2),
    "garbled": says("São trinta dias corridos.", garbled_after=2),
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


async def hear(chain: Chain, heard: list[str]) -> None:
    async for piece in pieces(chain):
        heard.append(piece)  # noqa: PERF401 - what came before it broke is kept


async def read_until_it_breaks(chain: Chain) -> str:
    heard: list[str] = []
    with pytest.raises(ModelAPIError) as raised:
        await hear(chain, heard)
    assert "trinta" not in str(raised.value)
    assert raised.value.__suppress_context__
    return "".join(heard)


@pytest.mark.parametrize("what", BREAKS)
async def test_a_stream_that_breaks_is_an_error_and_never_goes_on_with_another_ones_words(
    app: FastAPI, wires: Wires, what: str, superuser: asyncpg.Connection
) -> None:
    first_of(wires).then(BREAKS[what])

    async with thinking_through(app, wires, time_limit_seconds=1.5) as brain:
        chain = await chain_of(brain)
        assert (await read_until_it_breaks(chain)).strip() == BEGINNING.strip()

    assert wires["compatible"].asked == []
    assert chain.answered == ()
    (lost,) = await books(superuser)
    assert lost.state == "settled"
    assert lost.input_tokens > 0
    # What came, as it is reckoned; not all that was set aside.
    assert 0 < lost.output_tokens < 4096


async def test_a_provider_that_always_breaks_off_is_not_asked_any_more(
    app: FastAPI, wires: Wires
) -> None:
    first_of(wires).always(BREAKS["cut"])

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        for _ in range(5):
            await read_until_it_breaks(chain)
        assert await answered(chain, streaming=True) == "Do segundo."

    assert len(first_of(wires).asked) == 5


async def test_a_tool_call_that_is_cut_is_never_made(app: FastAPI, wires: Wires) -> None:
    made: list[int] = []
    first_of(wires).then(
        says("Vou ver.", ToolCall("get_ticket", {"number": 7}), cut_after=3, cleanly=True)
    )
    async with thinking_through(app, wires) as brain:
        agent = Agent(await chain_of(brain))

        @agent.tool_plain
        def get_ticket(number: int) -> str:
            made.append(number)
            return "aberto"

        with pytest.raises(ModelAPIError):
            async with agent.run_stream("E o chamado 7?") as result:
                await result.get_output()

    assert made == []
    assert wires["compatible"].asked == []


@pytest.fixture
def nothing_collected() -> Iterator[None]:
    """Whatever is closed is closed by somebody, and not by the garbage collector in the end."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("nothing_collected")
async def test_a_reader_that_goes_away_hangs_up_on_the_provider(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    first = first_of(wires).then(says("São trinta dias corridos.", stalls_after=2))

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        async with aclosing(pieces(chain)) as reading:
            assert await anext(reading) == "São "
        await asyncio.wait_for(first.left.wait(), 5)
        assert brain.providers[0].breaker.state.value == "closed"

    (cut_short,) = await books(superuser)
    assert cut_short.state == "settled"
    assert 0 < cut_short.output_tokens < 4096
    assert chain.answered == ()


@pytest.mark.parametrize("streaming", [False, True])
async def test_whoever_is_cancelled_leaves_nothing_set_aside(
    app: FastAPI, wires: Wires, streaming: bool, superuser: asyncpg.Connection
) -> None:
    first = first_of(wires).then(Stalls())

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        asking = asyncio.create_task(answered(chain, streaming=streaming))
        await first.arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    (cut_short,) = await books(superuser)
    assert cut_short.state == "settled"
    assert wires["compatible"].asked == []


async def test_cancelled_again_while_it_is_booked_it_is_booked_all_the_same(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_of(wires).then(Stalls())
    booking, go_on = asyncio.Event(), asyncio.Event()
    settle = usage.settle

    async def slowly(*given: Any, **fields: Any) -> usage.Charge:
        booking.set()
        await go_on.wait()
        return await settle(*given, **fields)

    monkeypatch.setattr(usage, "settle", slowly)
    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        asking = asyncio.create_task(answered(chain, streaming=False))
        await first.arrived.wait()
        asking.cancel()
        await booking.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        go_on.set()

    assert [entry.state for entry in await books(superuser)] == ["settled"]


async def test_what_a_reader_does_wrong_is_not_the_providers_fault(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)

        async def stumble() -> None:
            parameters = ModelRequestParameters()
            async with chain.request_stream(asked(), None, parameters) as stream:
                async for _ in stream:
                    raise ZeroDivisionError

        for _ in range(6):
            with pytest.raises(ZeroDivisionError):
                await stumble()
        assert brain.providers[0].breaker.state.value == "closed"

    assert {entry.state for entry in await books(superuser)} == {"settled"}


async def test_a_reader_cannot_keep_a_broken_stream_to_himself(app: FastAPI, wires: Wires) -> None:
    first_of(wires).always(BREAKS["cut"])

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)

        async def swallow() -> None:
            parameters = ModelRequestParameters()
            async with chain.request_stream(asked(), None, parameters) as stream:
                with suppress(ModelAPIError):
                    async for _ in stream:
                        pass

        for _ in range(5):
            with pytest.raises(ModelAPIError):
                await swallow()
        assert brain.providers[0].breaker.state.value == "open"
