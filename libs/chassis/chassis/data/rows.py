"""Reading one row of a tenant as fast as the driver can: for the few reads a service answers most.

The statement is SQLAlchemy's, built once at import; here it is compiled once and then handed to
asyncpg with its arguments, without a session, a unit of work or a greenlet. Measured on GET by id,
that is what most of a request's time goes to. Row-level security holds as everywhere: same role,
same tenant setting.
"""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Protocol

import asyncpg
from opentelemetry import trace
from sqlalchemy.engine import make_url

from chassis.data.compiled import CompiledStatement, Parameters, Statement
from chassis.data.database import Database
from shared_schemas.ids import OrganizationId

if TYPE_CHECKING:
    from chassis.settings import DatabaseSettings

_MAXIMUM_STATEMENTS: Final = 200


class RowReader(Protocol):
    """Reads in a transaction of its own: what it returns was true together."""

    async def one_or_none(
        self, organization_id: OrganizationId, statement: Statement, parameters: Parameters
    ) -> Any | None:
        """The row, with its columns as attributes; None when there is none."""


class SessionRowReader:
    """Through `Database`: in tests the transaction they have open, and so what they have
    written."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def one_or_none(
        self, organization_id: OrganizationId, statement: Statement, parameters: Parameters
    ) -> Any | None:
        """The row, or None."""
        async with self._database.transaction(organization_id, read_only=True) as session:
            return (await session.execute(statement, parameters)).one_or_none()


class DriverRowReader:
    """Through asyncpg, on connections of its own. `statement` is one of a few built at import."""

    def __init__(
        self,
        settings: "DatabaseSettings",
        *,
        application_name: str,
        tracer: trace.Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._compiled: dict[int, CompiledStatement] = {}
        self._connections = _Connections(settings, f"{application_name} reads")

    async def one_or_none(
        self, organization_id: OrganizationId, statement: Statement, parameters: Parameters
    ) -> SimpleNamespace | None:
        """The row, or None."""
        compiled = self._compiled.get(id(statement)) or self._compile(statement)
        arguments = compiled.arguments(parameters)
        if self._tracer is None:
            return compiled.row(await self._fetch(organization_id, compiled.sql, arguments))
        attributes = {"db.system.name": "postgresql", "db.query.text": compiled.sql}
        with self._tracer.start_as_current_span(
            "SELECT", kind=trace.SpanKind.CLIENT, attributes=attributes
        ):
            return compiled.row(await self._fetch(organization_id, compiled.sql, arguments))

    async def close(self) -> None:
        """Closes the idle connections; nobody reads any more."""
        await self._connections.close()

    async def _fetch(
        self, organization_id: OrganizationId, sql: str, arguments: Sequence[Any]
    ) -> Sequence[Any]:
        connection = await self._connections.take()
        try:
            # Formatted from a UUID, never from text: nothing to inject.
            await connection.execute(
                "BEGIN READ ONLY;"
                f"SELECT set_config('app.organization_id', '{organization_id}', true)"
            )
            records: Sequence[Any] = await connection.fetch(sql, *arguments)
            await connection.execute("COMMIT")
        except BaseException:
            # Whatever state it is in, nobody inherits it: neither a transaction nor a tenant.
            connection.terminate()
            raise
        finally:
            self._connections.give_back(connection)
        return records

    def _compile(self, statement: Statement) -> CompiledStatement:
        if len(self._compiled) >= _MAXIMUM_STATEMENTS:
            raise RuntimeError("statements must be built once, at import, not per request")
        compiled = CompiledStatement(statement)
        self._compiled[id(statement)] = compiled
        return compiled


class _Connections:
    """As many connections as there are readers, up to the limit; the last used is used first.

    asyncpg's pool starts a task per release and resets what here is never set.
    """

    def __init__(self, settings: "DatabaseSettings", application_name: str) -> None:
        url = make_url(settings.url.get_secret_value()).set(drivername="postgresql")
        self._idle: list[asyncpg.Connection] = []
        self._free = asyncio.Semaphore(settings.pool_size)
        self._patience = settings.pool_timeout_seconds
        self._options: dict[str, Any] = {
            "dsn": url.render_as_string(hide_password=False),
            "timeout": settings.connect_timeout_seconds,
            "server_settings": {
                "application_name": application_name,
                "statement_timeout": str(settings.statement_timeout_ms),
                "idle_in_transaction_session_timeout": "15000",
                "jit": "off",
            },
        }

    async def take(self) -> asyncpg.Connection:
        """An open connection; TimeoutError when none becomes free in time."""
        if self._free.locked():
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        else:
            await self._free.acquire()  # at once
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            return await asyncpg.connect(**self._options)
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: asyncpg.Connection) -> None:
        """To be used again, unless it was terminated."""
        if not connection.is_closed():
            self._idle.append(connection)
        self._free.release()

    async def close(self) -> None:
        """Closes what is idle."""
        while self._idle:
            await self._idle.pop().close()
