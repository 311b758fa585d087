"""The driver's connection: BEGIN and tenant in one round trip, COMMIT believed only when done."""

from typing import Any, Final
from uuid import UUID

import asyncpg
from asyncpg.exceptions import InFailedSQLTransactionError

_READ_ONLY: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""Who reads with several statements reads one state: what is replaced meanwhile is seen whole as it
was. Reading alone, it can never fail to serialise."""


class TenantConnection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg ships no types
    """SQLAlchemy begins with the first statement; what that BEGIN carries is noted here before."""

    __slots__ = ("_next",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._next = "BEGIN"

    def prepare_begin(self, organization_id: UUID, *, read_only: bool) -> None:
        """Notes the tenant of the transaction that is about to begin."""
        # Formatted from a UUID, never from text: nothing to inject.
        mode = _READ_ONLY if read_only else "BEGIN"
        self._next = f"{mode}; SELECT set_config('app.organization_id', '{organization_id}', true)"

    def forget_begin(self) -> None:
        """Called when the connection returns to the pool, so that nobody inherits a tenant."""
        self._next = "BEGIN"

    def transaction(self, **options: Any) -> Any:
        """What SQLAlchemy's dialect starts, commits and rolls back."""
        if any(options.values()):  # an isolation level of its own: asyncpg's transaction knows how
            return super().transaction(**options)
        begin, self._next = self._next, "BEGIN"
        return _Transaction(self, begin)


class _Transaction:
    """start, commit and rollback as SQLAlchemy's dialect calls them."""

    __slots__ = ("_begin", "_connection", "_reads_only")

    def __init__(self, connection: TenantConnection, begin: str) -> None:
        self._connection = connection
        self._begin = begin
        self._reads_only = begin.startswith(_READ_ONLY)

    async def start(self) -> None:
        try:
            await self._connection.execute(self._begin)
        except BaseException:
            # Begun but without its tenant, or unknown: such a connection must not be used again.
            if self._connection.is_in_transaction():
                self._connection.terminate()
            raise

    async def commit(self) -> None:
        # PostgreSQL answers COMMIT of a failed transaction with "ROLLBACK" and no error at all.
        if await self._connection.execute("COMMIT") != "COMMIT":
            raise InFailedSQLTransactionError("the transaction had failed: nothing was committed")

    async def rollback(self) -> None:
        # How a transaction that read ends is all the same, but many rollbacks look like trouble.
        await self._connection.execute("COMMIT" if self._reads_only else "ROLLBACK")
