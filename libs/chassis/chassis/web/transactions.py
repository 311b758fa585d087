"""The transaction of a request: begun for the actor's organization, ended before the answer
leaves."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.types import Scope

from chassis.data.compiled import Statement
from chassis.data.rows import RowReader, SessionRowReader
from chassis.security.authentication import authenticate
from chassis.web.resources import Resources
from shared_schemas.ids import OrganizationId

_ON_BEGIN: Final = "cogep.on_begin"
OnBegin = Callable[[Request, AsyncSession], Awaitable[None]]


def run_on_begin(scope: Scope, action: OnBegin) -> None:
    """Has `action` run within the request's transaction before the endpoint does."""
    scope[_ON_BEGIN] = action


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """The one transaction of a command: committed on return, rolled back on any error."""
    actor = await authenticate(request)
    resources: Resources = request.app.state.resources
    async with resources.database.transaction(actor.organization_id) as session:
        action: OnBegin | None = request.scope.get(_ON_BEGIN)
        if action is not None:
            await action(request, session)
        yield session


async def read_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """A read-only transaction; PostgreSQL refuses a write in it."""
    actor = await authenticate(request)
    resources: Resources = request.app.state.resources
    async with resources.database.transaction(actor.organization_id, read_only=True) as session:
        yield session


class TenantRows:
    """Single rows of the actor's organization, each read in a transaction of its own."""

    __slots__ = ("_organization_id", "_reader")

    def __init__(self, reader: RowReader, organization_id: OrganizationId) -> None:
        self._reader = reader
        self._organization_id = organization_id

    async def one_or_none(self, statement: Statement, parameters: Mapping[str, Any]) -> Any | None:
        """The row, its columns as attributes. `statement` is built once, at import."""
        return await self._reader.one_or_none(self._organization_id, statement, parameters)


async def rows(request: Request) -> TenantRows:
    """Reads for the actor's organization."""
    actor = await authenticate(request)
    resources: Resources = request.app.state.resources
    reader = resources.rows or SessionRowReader(resources.database)
    return TenantRows(reader, actor.organization_id)
