"""What is asked of providers is on the budget: set aside before, once, never more than it has."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from ai_svc_brain import (
    AURORA,
    HERE,
    Wires,
    answered,
    books,
    chain_of,
    thinking_through,
)
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses, Says, says
from wire.server import Asked

from ai_svc.modules.usage import service as usage
from ai_svc.modules.usage.service import BudgetExceeded
from devstack.people import PEOPLE
from shared_schemas.ids import new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    async with OpenAIWire.open() as first, OpenAIWire.open() as second:
        yield {"openai": first, "compatible": second}


async def allow(connection: asyncpg.Connection, tokens_per_day: int) -> None:
    """The organization's budget."""
    await connection.execute(
        "INSERT INTO ai.budgets (id, organization_id, scope, tokens_per_day, changed_by)"
        " VALUES ($1, $2, 'organization', $3, $4)",
        new_id(),
        AURORA,
        tokens_per_day,
        PEOPLE["ana"].sub,
    )


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_used_up_budget_stops_everything_and_nobody_else_is_asked(
    app: FastAPI, wires: Wires, streaming: bool, superuser: asyncpg.Connection
) -> None:
    await allow(superuser, 1_000)

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        with pytest.raises(BudgetExceeded):
            await answered(chain, streaming=streaming)

    assert [wire.asked for wire in wires.values()] == [[], []]
    assert await books(superuser) == []
    assert chain.answered == ()


async def test_no_token_more_than_the_budget_has_however_many_ask_at_once(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    await allow(superuser, 12_000)
    everybody_is_in = asyncio.Event()
    outcomes: list[str] = []

    def note(outcome: str) -> None:
        outcomes.append(outcome)
        if len(outcomes) == 50:
            everybody_is_in.set()

    def reply(_: Asked) -> Says:
        note("asked")
        return says("Sim.", input_tokens=50, output_tokens=1, stalls_after=0)

    wires["openai"].always(reply)
    async with thinking_through(app, wires, max_output_tokens=900) as brain:

        async def ask() -> None:
            try:
                await answered(await chain_of(brain), streaming=True)
            except BudgetExceeded:
                note("refused")

        asking = asyncio.gather(*(ask() for _ in range(50)))
        await everybody_is_in.wait()
        reserved = await books(superuser)
        wires["openai"].go_on()
        await asking

    each = reserved[0].input_tokens + reserved[0].output_tokens
    assert len(reserved) == outcomes.count("asked") == 12_000 // each
    settled = await books(superuser)
    assert len(settled) == len(reserved)
    assert {(entry.state, entry.input_tokens, entry.output_tokens) for entry in settled} == {
        ("settled", 50, 1)
    }


async def test_while_it_is_asked_all_it_may_take_is_set_aside(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    wires["openai"].then(says("São trinta dias.", stalls_after=0))

    async with thinking_through(app, wires, max_output_tokens=700) as brain:
        asking = asyncio.create_task(answered(await chain_of(brain), streaming=True))
        await wires["openai"].arrived.wait()
        (entry,) = await books(superuser)
        assert (entry.state, entry.output_tokens) == ("reserved", 700)
        assert entry.input_tokens > 10
        wires["openai"].go_on()
        await asking

    assert [entry.state for entry in await books(superuser)] == ["settled"]


async def test_of_a_provider_that_does_not_count_the_estimate_is_booked(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    wires["openai"].then(says("São trinta dias corridos.", input_tokens=0, output_tokens=0))

    async with thinking_through(app, wires) as brain:
        await answered(await chain_of(brain), streaming=False)

    (entry,) = await books(superuser)
    assert (entry.state, entry.input_tokens > 10, entry.output_tokens > 5) == (
        "settled",
        True,
        True,
    )


async def test_what_is_set_aside_is_enough_for_what_is_sent(
    app: FastAPI, wires: Wires, superuser: asyncpg.Connection
) -> None:
    text = "Às terças, o auxílio-creche é pago até os seis anos de idade da criança. " * 200
    reserved: list[int] = []

    def reply(_: Asked) -> Refuses:
        return Refuses(400)

    wires["openai"].always(reply)
    async with thinking_through(app, {"openai": wires["openai"]}) as brain:
        before = usage.reserve

        async def noting(*given: object, **fields: object) -> usage.Reservation:
            reserved.append(int(str(fields["input_tokens"])))
            return await before(*given, **fields)  # type: ignore[arg-type]  # passed on as it came

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(usage, "reserve", noting)
            assert await answered(await chain_of(brain), streaming=False, text=text) == HERE

    # 3.5 to 4.5 bytes of Portuguese are a token.
    assert reserved[0] > len(text.encode()) / 3.5
