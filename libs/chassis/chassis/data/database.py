"""Transactions: opened at the edge, bound to one tenant, committed once."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import NullPool

from chassis.data.connection import TenantConnection
from chassis.data.fair_pool import FairPool
from shared_schemas.ids import OrganizationId

if TYPE_CHECKING:
    from chassis.settings import DatabaseSettings

OUTBOX_WRITTEN = "outbox_written"
"""Key in `session.info`: this transaction has put events into the outbox."""


class Database:
    """One service's way to PostgreSQL: the tenant role for use cases, the worker for queues."""

    def __init__(
        self,
        settings: "DatabaseSettings",
        *,
        schema: str,
        application_name: str,
        info: Mapping[str, Any] | None = None,
    ) -> None:
        """`info`: what a service wants to find in `session.info` of every tenant transaction."""
        self.schema = schema
        self._info = dict(info or {})
        worker_url = settings.worker_url.get_secret_value()
        worker_name = f"{application_name} worker"
        self._app = _engine(
            settings.url.get_secret_value(),
            settings,
            application_name,
            **_pool(settings, settings.pool_size, settings.pool_max_overflow),
        )
        self._worker = _engine(
            worker_url,
            settings,
            worker_name,
            **_pool(settings, settings.worker_pool_size, settings.worker_pool_size),
        )
        # The same pool; leaving and entering autocommit costs no round trip.
        self._worker_at_once = self._worker.execution_options(isolation_level="AUTOCOMMIT")
        self._alone = _engine(
            worker_url, settings, worker_name, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        self._joined: AsyncConnection | None = None
        self._bells: list[Callable[[], None]] = []

    @property
    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """App and worker engine, for instrumentation and pool metrics."""
        return self._app, self._worker

    def transaction(
        self, organization_id: OrganizationId, *, read_only: bool = False
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction of one tenant, as `cogep_app`: committed on exit, rolled back on error.

        No connection is taken before the first statement. Writing while `read_only` is an error;
        all statements then see one state, that of the first.
        """
        info = {
            **self._info,
            "organization_id": organization_id,
            "read_only": read_only,
            "schema": self.schema,
            "database": self,
        }
        session = AsyncSession(
            self._joined or self._app,
            sync_session_class=_TenantSession,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            info=info,
        )
        return _Transaction(session, self)

    def worker_transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction as `cogep_worker`: no tenant, and only the tables a policy opens to it."""
        session = AsyncSession(
            self._worker,
            expire_on_commit=False,
            info={"schema": self.schema, "database": self},
        )
        return _Transaction(session, self)

    async def worker_statement(
        self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[sa.Row[Any]]:
        """One statement as `cogep_worker`: a transaction by itself, in one round trip."""
        async with self._worker_at_once.connect() as connection:
            return (await connection.execute(statement, parameters)).all()

    def worker_connection(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection of its own as `cogep_worker`, each statement its own transaction.

        Outside the pool and closed at the end: advisory locks end with it.
        """
        return self._alone.connect()

    def joined_to(self, connection: AsyncConnection) -> "Database":
        """For tests: the same, with tenant transactions being savepoints of `connection`'s."""
        joined = object.__new__(Database)
        joined.__dict__.update(self.__dict__)
        joined._joined = connection
        return joined

    @contextmanager
    def outbox_bell(self, ring: Callable[[], None]) -> Iterator[None]:
        """Meanwhile `ring` is called, on the event loop, after commits that published events."""
        self._bells.append(ring)
        try:
            yield
        finally:
            self._bells.remove(ring)

    def outbox_written(self) -> None:
        """Rings. Called after the commit."""
        for ring in self._bells:
            ring()

    async def close(self) -> None:
        """Closes every pooled connection."""
        await self._app.dispose()
        await self._worker.dispose()
        await self._alone.dispose()


class _TenantSession(Session):
    """A session whose transactions carry a tenant."""


@event.listens_for(_TenantSession, "after_begin")
def _set_tenant(
    session: Session, transaction: SessionTransaction, connection: sa.Connection
) -> None:
    if transaction.nested:
        return  # a savepoint inherits the tenant
    organization_id = session.info["organization_id"]
    driver = connection.connection.driver_connection
    if isinstance(driver, TenantConnection) and not driver.is_in_transaction():
        # The dialect begins with the first statement; the tenant travels with that BEGIN.
        driver.prepare_begin(organization_id, read_only=session.info["read_only"])
        return
    connection.execute(
        sa.select(sa.func.set_config("app.organization_id", str(organization_id), True))
    )


class _Transaction:
    """Commits or rolls back at the end, and gives the connection back whatever happens."""

    __slots__ = ("_database", "_session")

    def __init__(self, session: AsyncSession, database: Database) -> None:
        self._session = session
        self._database = database

    async def __aenter__(self) -> AsyncSession:
        return self._session

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        session = self._session
        try:
            if kind is None:
                await self._finish()
        finally:
            if session.in_transaction():
                await _to_the_end(session.close())
        if kind is None and session.info.get(OUTBOX_WRITTEN):
            self._database.outbox_written()

    async def _finish(self) -> None:
        session = self._session
        if session.info.get("read_only"):
            if session.new or session.dirty or session.deleted:
                raise exc.InvalidRequestError("objects were changed in a read-only transaction")
            await session.close()  # nothing to flush or to commit: a quarter less work
        elif session.in_transaction():
            await session.commit()


async def _to_the_end(closing: Coroutine[Any, Any, None]) -> None:
    """A cancelled request, too, rolls back and returns its connection before it goes."""
    task = asyncio.ensure_future(closing)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    task.result()


def _pool(settings: "DatabaseSettings", size: int, overflow: int) -> dict[str, Any]:
    return {
        "poolclass": FairPool,
        "pool_size": size,
        "max_overflow": overflow,
        "pool_timeout": settings.pool_timeout_seconds,
        "pool_use_lifo": True,  # a few warm connections rather than all of them lukewarm
    }


def _engine(
    url: str, settings: "DatabaseSettings", application_name: str, **options: Any
) -> AsyncEngine:
    engine = create_async_engine(
        url,
        **options,
        hide_parameters=True,  # parameters are personal data; errors end up in logs
        connect_args={
            "connection_class": TenantConnection,
            "timeout": settings.connect_timeout_seconds,
            "server_settings": {
                "application_name": application_name,
                "statement_timeout": str(settings.statement_timeout_ms),
                # A transaction left open pins dead rows for everybody, and one of a frozen process
                # keeps its locks: nobody waits for the network inside one, so soon is late enough.
                "idle_in_transaction_session_timeout": "15000",
                "jit": "off",  # compiling costs more than these statements
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    event.listen(engine.sync_engine, "checkin", _forget_tenant)
    return engine


def _refuse_closed(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """No round trip: the driver knows when the server hung up. The pool then connects anew."""
    if dbapi_connection.driver_connection.is_closed():
        raise exc.InvalidatePoolError("the server closed the connection")


def _forget_tenant(dbapi_connection: Any, _record: Any) -> None:
    if dbapi_connection is not None:
        dbapi_connection.driver_connection.forget_begin()
