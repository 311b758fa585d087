"""The transaction of a request: begun for the actor's organization, ended before the answer
leaves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.types import Scope

from chassis.security.authentication import authenticate
from chassis.web.resources import Resources

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
