"""What a router asks for by type: the transaction of the request, and the version a change is based on."""

from collections.abc import AsyncIterator
from typing import Annotated, cast

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.security.authentication import CurrentActor, InternalCaller, authenticate
from chassis.web.etag import IfMatch
from chassis.web.resources import Resources

__all__ = ["CurrentActor", "CurrentResources", "IfMatch", "InternalCaller", "ReadTx", "Tx"]


async def resources_of(request: Request) -> Resources:
    """What the service opened at start."""
    return cast("Resources", request.app.state.resources)


CurrentResources = Annotated[Resources, Depends(resources_of)]


async def transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """The one transaction of a command: committed before the answer leaves, rolled back on any error."""
    actor = await authenticate(request)
    resources: Resources = request.app.state.resources
    async with resources.database.transaction(actor.organization_id) as session:
        yield session


async def read_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """A read-only transaction: one snapshot, refused by PostgreSQL if it tries to write."""
    actor = await authenticate(request)
    resources: Resources = request.app.state.resources
    async with resources.database.transaction(actor.organization_id, read_only=True) as session:
        yield session


# scope="function": with FastAPI's default the exit of a yield-dependency runs after the answer was sent, and a
# commit that fails would have been answered 2xx.
Tx = Annotated[AsyncSession, Depends(transaction, scope="function")]
"""The request's transaction, in the actor's organization. No connection is taken before the first statement."""

ReadTx = Annotated[AsyncSession, Depends(read_transaction, scope="function")]
"""Like `Tx`, read-only."""
