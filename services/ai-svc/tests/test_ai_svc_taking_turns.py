"""Runs that work the processor take turns; those that wait for somebody hold nobody up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ai_svc_factories import Person
from chat_factories import Scripted, begin, settled
from fastapi import FastAPI

from ai_svc.modules.chat.taking_turns import AT_ONCE, Turns
from ai_svc.modules.providers.service import Brain


class Working:
    """Tasks that each take a turn, and keep it until told."""

    def __init__(self, turns: Turns, count: int) -> None:
        self.began: list[int] = []
        self.done = asyncio.Event()
        self.tasks = [asyncio.create_task(self._work(turns, each)) for each in range(count)]

    async def _work(self, turns: Turns, number: int) -> None:
        async with turns.turn():
            self.began.append(number)
            await self.done.wait()


async def ticks() -> None:
    """Whatever can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_few_begin_in_their_order_and_the_next_as_each_ends() -> None:
    working = Working(Turns(2, patience=60), 5)

    await ticks()
    first = list(working.began)
    working.tasks[1].cancel()
    await ticks()
    then = list(working.began)
    working.done.set()
    await asyncio.gather(*working.tasks, return_exceptions=True)

    assert first == [0, 1]
    assert then == [0, 1, 2]
    assert working.began == [0, 1, 2, 3, 4]


async def test_who_takes_long_lets_the_next_begin_and_gives_nothing_back_twice() -> None:
    turns = Turns(1, patience=0)
    working = Working(turns, 3)

    await ticks()
    began = list(working.began)
    working.done.set()
    await asyncio.gather(*working.tasks)

    assert began == [0, 1, 2]
    assert turns._free._value == 1


async def test_who_is_stopped_while_waiting_leaves_the_turn_to_others() -> None:
    working = Working(Turns(1, patience=60), 3)
    await ticks()

    working.tasks[1].cancel()
    working.done.set()
    await asyncio.gather(*working.tasks, return_exceptions=True)

    assert working.began == [0, 2]


@pytest.fixture
async def quiet(app: FastAPI, clean: None) -> AsyncIterator[Any]:
    """Whatever still runs ends before its rows are deleted."""
    yield app.state.runs
    await settled(app.state.runs)


@pytest.mark.committed
@pytest.mark.parametrize("with_provider", [True, False])
async def test_only_runs_of_the_built_in_model_wait_for_each_other(
    app: FastAPI,
    ana: Person,
    scripted: Scripted,
    quiet: Any,
    monkeypatch: pytest.MonkeyPatch,
    with_provider: bool,
) -> None:
    async def has_provider(*_: object) -> bool:
        return with_provider

    waited = 0
    turn = Turns.turn

    def counted(self: Turns) -> Any:
        nonlocal waited
        waited += 1
        return turn(self)

    monkeypatch.setattr(Brain, "has_provider", has_provider)
    monkeypatch.setattr(Turns, "turn", counted)
    chats = [await begin(app, ana) for _ in range(AT_ONCE + 2)]

    answers = await asyncio.gather(*(chat.send() for chat in chats))

    assert {each["status"] for each in answers} == {"done"}
    assert waited == (0 if with_provider else AT_ONCE + 2)
