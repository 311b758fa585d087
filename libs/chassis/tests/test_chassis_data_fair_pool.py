"""Requests that wait for a connection get one in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from chassis_data_schema import SCHEMA
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed

AURORA = OrganizationId(UUID("0192a000-0000-7000-8000-00000000a001"))


@pytest.fixture
async def single(chassis_settings: DatabaseSettings) -> AsyncIterator[Database]:
    """A database with one connection, for which nobody waits long."""
    settings = chassis_settings.model_copy(update={"pool_size": 1, "pool_timeout_seconds": 0.2})
    database = Database(settings, schema=SCHEMA, application_name="fair pool tests")
    yield database
    await database.close()


class _Holder:
    """Takes the connection, tells that it has it, and keeps it until told to go."""

    def __init__(self, database: Database, order: list[str]) -> None:
        self._database = database
        self._order = order
        self.has_it = asyncio.Event()
        self.goes = asyncio.Event()

    async def hold(self, name: str) -> None:
        async with self._database.transaction(AURORA) as session:
            await session.execute(sa.text("SELECT 1"))
            self._order.append(name)
            self.has_it.set()
            await self.goes.wait()


async def _started(*tasks: asyncio.Task[None]) -> None:
    """They have come as far as they can get without anybody else doing something."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not any(task.done() for task in tasks)


async def test_a_newcomer_does_not_overtake_those_who_wait(single: Database) -> None:
    order: list[str] = []
    first, others = _Holder(single, order), _Holder(single, order)
    others.goes.set()

    async def hold_and_come_again() -> None:
        await first.hold("first")
        await others.hold("newcomer")  # nobody else has run since the connection was given back

    holding = asyncio.create_task(hold_and_come_again())
    await first.has_it.wait()
    waiting = [asyncio.create_task(others.hold(name)) for name in ("second", "third")]
    await _started(*waiting)
    first.goes.set()
    await asyncio.gather(holding, *waiting)
    assert order == ["first", "second", "third", "newcomer"]


async def test_who_waits_too_long_is_told_so_and_takes_nothing_along(single: Database) -> None:
    order: list[str] = []
    holder, others = _Holder(single, order), _Holder(single, order)
    others.goes.set()
    holding = asyncio.create_task(holder.hold("first"))
    await holder.has_it.wait()
    with pytest.raises(PoolTimeout):
        await others.hold("too late")
    holder.goes.set()
    await holding
    await others.hold("second")
    assert order == ["first", "second"]


async def test_who_gives_up_in_the_moment_of_the_handover_passes_it_on(single: Database) -> None:
    order: list[str] = []
    first, others = _Holder(single, order), _Holder(single, order)
    others.goes.set()

    async def hold_and_disturb() -> None:
        await first.hold("first")
        gives_up.cancel()  # it has been handed the connection and has not run since

    holding = asyncio.create_task(hold_and_disturb())
    await first.has_it.wait()
    gives_up, stays = (asyncio.create_task(others.hold(name)) for name in ("gives up", "stays"))
    await _started(gives_up, stays)
    first.goes.set()
    await asyncio.gather(holding, stays)
    with pytest.raises(asyncio.CancelledError):
        await gives_up
    assert order == ["first", "stays"]
