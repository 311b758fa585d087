"""Transactions carry exactly one tenant, commit once, and leave nothing behind in the pool."""

import asyncio
import random
from contextlib import suppress
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from chassis_data_schema import METADATA, NOTES, Kind, TenantThing
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.exc import StaleDataError

from chassis.data.database import Database
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

AURORA = OrganizationId(UUID("0192a000-0000-7000-8000-00000000a001"))
THINGS = METADATA.tables["chassis_test.things"]
BOREAL = OrganizationId(UUID("0192a000-0000-7000-8000-00000000b001"))


async def write_note(session: AsyncSession, organization_id: OrganizationId, body: str) -> UUID:
    note_id = new_id()
    await session.execute(
        sa.insert(NOTES).values(id=note_id, organization_id=organization_id, body=body)
    )
    return note_id


async def organizations_seen(session: AsyncSession) -> set[UUID]:
    return set(await session.scalars(sa.select(NOTES.c.organization_id)))


async def test_a_transaction_sees_its_own_tenant_only(database: Database) -> None:
    for organization_id in (AURORA, BOREAL):
        async with database.transaction(organization_id) as session:
            await write_note(session, organization_id, "x")
    async with database.transaction(AURORA, read_only=True) as session:
        assert await organizations_seen(session) == {AURORA}


async def test_writing_for_another_tenant_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(AURORA) as session:
            await write_note(session, BOREAL, "x")


async def test_without_a_tenant_there_are_no_rows(
    database: Database, database_urls: object
) -> None:
    async with database.transaction(AURORA) as session:
        await write_note(session, AURORA, "x")
    app, worker = database.engines
    async with app.connect() as connection:
        assert (await connection.execute(sa.select(NOTES))).all() == []
        await connection.execute(sa.text("SELECT set_config('app.organization_id', '', true)"))
        assert (await connection.execute(sa.select(NOTES))).all() == []
    async with worker.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(sa.select(NOTES))


async def test_the_tenant_is_gone_after_the_transaction(database: Database) -> None:
    async with database.transaction(AURORA) as session:
        await write_note(session, AURORA, "x")
    current = sa.text("SELECT current_setting('app.organization_id', true)")
    async with database.engines[0].connect() as connection:
        assert (await connection.execute(current)).scalar() in (None, "")


async def test_the_tenant_survives_a_savepoint_rolled_back(database: Database) -> None:
    async with database.transaction(AURORA) as session:
        with suppress(DBAPIError):
            async with session.begin_nested():
                await session.execute(sa.text("SELECT 1/0"))
        await write_note(session, AURORA, "after")
        assert await organizations_seen(session) == {AURORA}


async def test_a_second_transaction_of_the_same_session_has_the_tenant_again(
    database: Database,
) -> None:
    async with database.transaction(AURORA) as session:
        await write_note(session, AURORA, "one")
        await session.commit()
        await write_note(session, AURORA, "two")
    async with database.transaction(AURORA) as session:
        assert await session.scalar(sa.select(sa.func.count()).select_from(NOTES)) == 2


async def test_a_read_only_transaction_refuses_to_write(database: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only"):
        async with database.transaction(AURORA, read_only=True) as session:
            await write_note(session, AURORA, "x")


async def test_changed_objects_in_a_read_only_transaction_are_an_error(database: Database) -> None:
    with pytest.raises(InvalidRequestError, match="read-only"):
        async with database.transaction(AURORA, read_only=True) as session:
            session.add(TenantThing(organization_id=AURORA, kind=Kind.ROUND))


async def test_an_object_added_and_not_flushed_is_committed(database: Database) -> None:
    async with database.transaction(AURORA) as session:
        session.add(TenantThing(organization_id=AURORA, kind=Kind.ROUND))
    async with database.transaction(AURORA, read_only=True) as session:
        (thing,) = await session.scalars(sa.select(TenantThing))
    assert (thing.kind, thing.version) == (Kind.ROUND, 1)


async def test_a_stale_version_is_refused(database: Database) -> None:
    async with database.transaction(AURORA) as session:
        session.add(TenantThing(organization_id=AURORA, kind=Kind.ROUND))

    async def change() -> None:
        async with database.transaction(AURORA) as session:
            (thing,) = await session.scalars(sa.select(TenantThing))
            await session.execute(sa.update(THINGS).values(version=7))  # somebody else did
            thing.kind = Kind.SQUARE

    with pytest.raises(StaleDataError):
        await change()


async def test_an_error_rolls_back(database: Database) -> None:
    with suppress(RuntimeError):
        async with database.transaction(AURORA) as session:
            await write_note(session, AURORA, "x")
            raise RuntimeError
    async with database.transaction(AURORA) as session:
        assert await organizations_seen(session) == set()


async def test_a_swallowed_database_error_does_not_look_like_a_commit(database: Database) -> None:
    # PostgreSQL answers COMMIT of a failed transaction with ROLLBACK and without an error.
    async def swallow() -> None:
        async with database.transaction(AURORA) as session:
            await write_note(session, AURORA, "lost")
            with suppress(DBAPIError):
                await session.execute(sa.text("SELECT 1/0"))

    with pytest.raises(DBAPIError, match="nothing was committed"):
        await swallow()


async def test_an_unused_transaction_takes_no_connection(database: Database) -> None:
    pool = database.engines[0].pool
    async with database.transaction(AURORA):
        assert pool.checkedout() == 0  # type: ignore[attr-defined]  # of the queue pool


async def test_begin_and_tenant_are_one_round_trip(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    original = asyncpg.Connection.execute

    async def recording(self: asyncpg.Connection, query: str, *args: object, **kw: object) -> str:
        sent.append(query)
        return await original(self, query, *args, **kw)  # type: ignore[no-any-return]  # no types

    monkeypatch.setattr(asyncpg.Connection, "execute", recording)
    async with database.transaction(AURORA, read_only=True) as session:
        await session.execute(sa.select(NOTES.c.id))
    begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    tenant = f"SELECT set_config('app.organization_id', '{AURORA}', true)"
    assert sent == [f"{begin}; {tenant}", "COMMIT"]


async def test_a_connection_the_server_closed_is_replaced_unnoticed(
    database: Database, superuser: asyncpg.Connection
) -> None:
    async with database.transaction(AURORA) as session:
        await session.execute(sa.select(NOTES.c.id))
    await superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'cogep_app'"
        " AND datname = current_database()"
    )
    await asyncio.sleep(0.05)  # the closing has to arrive
    async with database.transaction(AURORA) as session:
        assert await organizations_seen(session) == set()


async def test_200_interleaved_tasks_of_two_tenants_do_not_leak(
    database: Database, superuser: asyncpg.Connection
) -> None:
    dice = random.Random(7)
    plans = [
        (AURORA if n % 2 else BOREAL, dice.choice(["fine", "fine", "error", "sql", "cancel"]), n)
        for n in range(200)
    ]

    async def work(organization_id: OrganizationId, fate: str, number: int) -> None:
        async with database.transaction(organization_id) as session:
            assert await organizations_seen(session) <= {organization_id}
            await write_note(session, organization_id, f"{fate} {number}")
            await session.execute(sa.text("SELECT pg_sleep(random() * 0.01)"))
            if fate == "error":
                raise RuntimeError
            if fate == "sql":
                await session.execute(sa.text("SELECT 1/0"))
            if fate == "cancel":
                await session.execute(sa.text("SELECT pg_sleep(60)"))
            assert await organizations_seen(session) == {organization_id}

    async def live(organization_id: OrganizationId, fate: str, number: int) -> None:
        task = asyncio.create_task(work(organization_id, fate, number))
        if fate == "cancel":
            await asyncio.sleep(0.02 * (number % 7))
            task.cancel()
        with suppress(RuntimeError, DBAPIError, asyncio.CancelledError):
            await task

    await asyncio.gather(*(live(*plan) for plan in plans))

    rows = await superuser.fetch("SELECT organization_id, body FROM chassis_test.notes")
    fine = {(organization, f"fine {n}") for organization, fate, n in plans if fate == "fine"}
    assert {(row["organization_id"], row["body"]) for row in rows} == fine
    pool = database.engines[0].pool
    assert pool.checkedout() == 0  # type: ignore[attr-defined]  # of the queue pool
