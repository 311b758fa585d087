"""Single rows straight from the driver: the same rows, the same walls between tenants."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import sqlalchemy as sa
from chassis_web_sample import ONE_NOTE, SCHEMA, notes
from pydantic import SecretStr
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis.data.columns import text_enum
from chassis.data.compiled import Statement
from chassis.data.database import Database
from chassis.data.rows import DriverRowReader, SessionRowReader
from chassis.settings import ServiceAppSettings
from devstack.people import AURORA, BOREAL
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

MINE, THEIRS = OrganizationId(AURORA.id), OrganizationId(BOREAL.id)


class Color(StrEnum):
    """An enumeration stored as text."""

    RED = "red"


TYPES = sa.select(
    sa.literal(Color.RED, text_enum(Color, "color")).label("color"),
    sa.literal(["a", "b"], ARRAY(sa.Text())).label("tags"),
    sa.literal(datetime(2026, 1, 31, tzinfo=UTC), sa.DateTime(timezone=True)).label("at"),
    sa.literal(UUID(int=1), sa.Uuid()).label("id"),
    sa.literal(3).label("version"),
    sa.literal(Decimal("1.50"), sa.Numeric()).label("amount"),
    sa.literal(0.5, sa.Float()).label("share"),
    sa.literal(value=True).label("flag"),
    sa.literal_column("""'{"a": [1, null, "é"]}'::jsonb""", JSONB()).label("fields"),
    sa.literal_column("NULL::jsonb", JSONB()).label("nothing"),
    sa.bindparam("given", type_=sa.Text()).label("given"),
    sa.bindparam("usual", "as always", type_=sa.Text()).label("usual"),
)
BACKEND = sa.select(sa.func.pg_backend_pid().label("pid"))
TENANT = sa.select(sa.func.current_setting("app.organization_id", True).label("tenant"))
SLOW = sa.select(sa.func.pg_sleep(30).label("slept"))
WRONG = sa.select((sa.literal(1) / sa.bindparam("divisor", type_=sa.Integer())).label("ratio"))
EVERY_NOTE = sa.select(notes.c.slug)


@pytest.fixture
async def reader(web_settings: ServiceAppSettings) -> AsyncIterator[DriverRowReader]:
    settings = web_settings.database.model_copy(update={"pool_size": 1})
    reader = DriverRowReader(settings, application_name="tests")
    yield reader
    await reader.close()


@pytest.fixture
async def sessions(web_settings: ServiceAppSettings) -> AsyncIterator[SessionRowReader]:
    database = Database(web_settings.database, schema=SCHEMA, application_name="tests")
    yield SessionRowReader(database)
    await database.close()


@pytest.fixture
async def note_id(database_urls: DatabaseUrls, clean_notes: None) -> UUID:
    note_id = new_id()
    connection = await asyncpg.connect(database_urls.superuser)
    await connection.execute(
        f"INSERT INTO {SCHEMA}.notes (id, organization_id, slug, text) VALUES ($1, $2, 'a', 'b')",
        note_id,
        MINE,
    )
    await connection.close()
    return note_id


async def test_both_readers_return_the_same(
    reader: DriverRowReader, sessions: SessionRowReader, note_id: UUID
) -> None:
    given: list[tuple[Statement, dict[str, Any]]] = [
        (TYPES, {"given": "x"}),
        (TYPES, {"given": None, "usual": "otherwise"}),
        (ONE_NOTE, {"note_id": note_id}),
    ]
    for statement, parameters in given:
        fast = await reader.one_or_none(MINE, statement, parameters)
        slow = await sessions.one_or_none(MINE, statement, parameters)
        assert fast is not None
        assert slow is not None
        assert vars(fast) == dict(slow._mapping)


async def test_values_are_python_objects(reader: DriverRowReader, note_id: UUID) -> None:
    row = await reader.one_or_none(MINE, TYPES, {"given": "x"})
    assert row is not None
    assert row.color is Color.RED
    assert row.tags == ["a", "b"]


async def test_another_tenants_row_does_not_exist(reader: DriverRowReader, note_id: UUID) -> None:
    assert await reader.one_or_none(MINE, ONE_NOTE, {"note_id": note_id})
    assert await reader.one_or_none(THEIRS, ONE_NOTE, {"note_id": note_id}) is None


async def test_tenant_does_not_stay_with_the_connection(
    reader: DriverRowReader, note_id: UUID
) -> None:
    for organization in (MINE, THEIRS, MINE):
        row = await reader.one_or_none(organization, TENANT, {})
        assert row is not None
        assert row.tenant == str(organization)
    connection = await reader._connections.take()
    setting = await connection.fetchval("SELECT current_setting('app.organization_id', true)")
    reader._connections.give_back(connection)
    assert not setting


async def _pid(reader: DriverRowReader) -> int:
    row = await reader.one_or_none(MINE, BACKEND, {})
    assert row is not None
    return int(row.pid)


async def test_connection_is_reused(reader: DriverRowReader) -> None:
    assert await _pid(reader) == await _pid(reader)


async def test_failed_statement_costs_its_connection_and_nothing_else(
    reader: DriverRowReader,
) -> None:
    before = await _pid(reader)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await reader.one_or_none(MINE, WRONG, {"divisor": 0})
    assert await _pid(reader) != before


async def test_cancelled_read_leaves_no_transaction_behind(
    reader: DriverRowReader, database_urls: DatabaseUrls
) -> None:
    await _pid(reader)
    reading = asyncio.create_task(reader.one_or_none(MINE, SLOW, {}))
    await asyncio.sleep(0.1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert await _pid(reader)


async def test_connection_the_server_closed_is_replaced(
    reader: DriverRowReader, database_urls: DatabaseUrls
) -> None:
    pid = await _pid(reader)
    superuser = await asyncpg.connect(database_urls.superuser)
    await superuser.execute("SELECT pg_terminate_backend($1)", pid)
    await superuser.close()
    await asyncio.sleep(0.05)
    assert await _pid(reader) != pid


async def test_interleaved_tenants_see_their_own(
    web_settings: ServiceAppSettings, note_id: UUID
) -> None:
    settings = web_settings.database.model_copy(update={"pool_size": 3})
    reader = DriverRowReader(settings, application_name="tests")

    async def read(number: int) -> bool:
        mine = number % 2 == 0
        row = await reader.one_or_none(MINE if mine else THEIRS, ONE_NOTE, {"note_id": note_id})
        return (row is not None) is mine

    assert all(await asyncio.gather(*(read(number) for number in range(100))))
    await reader.close()


async def test_who_finds_no_connection_free_is_told_in_time(
    web_settings: ServiceAppSettings,
) -> None:
    changes = {"pool_size": 1, "pool_timeout_seconds": 0.05}
    settings = web_settings.database.model_copy(update=changes)
    reader = DriverRowReader(settings, application_name="tests")
    connection = await reader._connections.take()
    with pytest.raises(TimeoutError):
        await reader.one_or_none(MINE, BACKEND, {})
    reader._connections.give_back(connection)
    assert await _pid(reader)
    await reader.close()


async def test_failed_connects_do_not_use_up_the_limit(web_settings: ServiceAppSettings) -> None:
    nowhere = SecretStr("postgresql+asyncpg://cogep_app:x@127.0.0.1:1/cogep")
    changes = {"pool_size": 1, "pool_timeout_seconds": 0.05, "url": nowhere}
    reader = DriverRowReader(
        web_settings.database.model_copy(update=changes), application_name="tests"
    )
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            await reader.one_or_none(MINE, BACKEND, {})


async def test_statement_it_cannot_do_is_refused(reader: DriverRowReader) -> None:
    statement = sa.select(notes.c.id).where(notes.c.id.in_(sa.bindparam("ids", expanding=True)))
    with pytest.raises(ValueError, match="list"):
        await reader.one_or_none(MINE, statement, {})


async def test_missing_parameter_is_named(reader: DriverRowReader) -> None:
    with pytest.raises(KeyError, match="note_id"):
        await reader.one_or_none(MINE, ONE_NOTE, {})


async def test_more_than_one_row_is_an_error(
    reader: DriverRowReader, database_urls: DatabaseUrls, note_id: UUID
) -> None:
    superuser = await asyncpg.connect(database_urls.superuser)
    await superuser.execute(
        f"INSERT INTO {SCHEMA}.notes (id, organization_id, slug, text) VALUES ($1, $2, 'c', 'd')",
        new_id(),
        MINE,
    )
    await superuser.close()
    with pytest.raises(sa.exc.MultipleResultsFound):
        await reader.one_or_none(MINE, EVERY_NOTE, {})


async def test_statements_built_per_request_are_noticed(reader: DriverRowReader) -> None:
    async def careless() -> None:
        for number in range(300):
            await reader.one_or_none(MINE, sa.select(sa.literal(number).label("n")), {})

    with pytest.raises(RuntimeError, match="once"):
        await careless()


async def test_route_over_the_reader_answers_like_the_one_over_a_session(
    web: httpx.AsyncClient, ana: dict[str, str], beto: dict[str, str], note_id: UUID
) -> None:
    slow = await web.get(f"/api/v1/notes/{note_id}", headers=ana)
    fast = await web.get(f"/api/v1/notes/{note_id}/quickly", headers=ana)
    assert fast.json()["data"] == slow.json()["data"]
    assert fast.headers["etag"] == slow.headers["etag"]
    other = await web.get(f"/api/v1/notes/{note_id}/quickly", headers=beto)
    assert (other.status_code, other.json()["code"]) == (404, "NOTE_NOT_FOUND")
