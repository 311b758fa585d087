"""An outage is told from a mistake by what really happens, not by what an error is called."""

import errno
import socket

import pytest
import sqlalchemy as sa
from chassis_data_schema import NOTES, SCHEMA
from chassis_messaging_factories import AURORA
from pydantic import SecretStr

from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.settings import DatabaseSettings
from devstack.ports import free_port
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


async def failure_of(database: Database, statement: sa.Executable) -> BaseException:
    try:
        async with database.transaction(AURORA) as session:
            await session.execute(statement)
    except Exception as error:  # noqa: BLE001 - it is what is being asked for
        return error
    raise AssertionError("it did not fail")


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    nobody = SecretStr(f"postgresql+asyncpg://u:p@127.0.0.1:{free_port()}/x")
    settings = DatabaseSettings(url=nobody, worker_url=nobody)
    database = Database(settings, schema=SCHEMA, application_name="t")
    assert is_unavailable(await failure_of(database, sa.text("SELECT 1")))
    await database.close()


async def test_a_connection_that_breaks_is_an_outage(database: Database) -> None:
    suicide = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
    assert is_unavailable(await failure_of(database, suicide))


async def test_a_full_pool_is_an_outage(chassis_settings: DatabaseSettings) -> None:
    small = chassis_settings.model_copy(
        update={"pool_size": 1, "pool_max_overflow": 0, "pool_timeout_seconds": 0.01}
    )
    database = Database(small, schema=SCHEMA, application_name="t")
    async with database.transaction(AURORA) as session:
        await session.execute(sa.text("SELECT 1"))
        assert is_unavailable(await failure_of(database, sa.text("SELECT 1")))
    await database.close()


@pytest.mark.parametrize(
    "statement",
    [
        sa.text("SELECT 1/0"),
        sa.text("SELECT no_such_column"),
        sa.insert(NOTES).values(id=new_id(), organization_id=AURORA, body="a\x00b"),
        sa.insert(NOTES).values(id=new_id(), organization_id=AURORA, body=None),
    ],
)
async def test_a_mistake_is_not(database: Database, statement: sa.Executable) -> None:
    assert not is_unavailable(await failure_of(database, statement))


async def test_a_statement_that_runs_too_long_is_not(chassis_settings: DatabaseSettings) -> None:
    hasty = chassis_settings.model_copy(update={"statement_timeout_ms": 10})
    database = Database(hasty, schema=SCHEMA, application_name="t")
    assert not is_unavailable(await failure_of(database, sa.text("SELECT pg_sleep(1)")))
    await database.close()


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, ""), True),
        (TimeoutError(), True),
        (socket.gaierror(socket.EAI_AGAIN, ""), True),
        (OSError(errno.EHOSTUNREACH, ""), True),
        (OSError("Multiple exceptions: of a name with two addresses"), True),
        (FileNotFoundError(errno.ENOENT, ""), False),
        (PermissionError(errno.EACCES, ""), False),
        (OSError(errno.ENOSPC, ""), False),
        (OSError(errno.EMFILE, ""), False),
    ],
    ids=repr,
)
def test_not_every_error_of_the_system_is_an_outage(error: OSError, outage: bool) -> None:
    assert is_unavailable(error) is outage
