"""What a router asks for by type: the transaction of the request, the actor, the version a
change is based on."""

from typing import Annotated, cast

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.security.authentication import CurrentActor, InternalCaller
from chassis.web.etag import IfMatch
from chassis.web.resources import Resources
from chassis.web.transactions import TenantRows, read_transaction, rows, transaction

__all__ = [
    "CurrentActor",
    "CurrentResources",
    "IfMatch",
    "InternalCaller",
    "ReadTx",
    "Rows",
    "TenantRows",
    "Tx",
]


async def resources_of(request: Request) -> Resources:
    """What the service opened at start."""
    return cast("Resources", request.app.state.resources)


CurrentResources = Annotated[Resources, Depends(resources_of)]

# scope="function": with FastAPI's default the exit of a yield-dependency runs after the answer was
# sent, and a commit that fails would have been answered 2xx.
Tx = Annotated[AsyncSession, Depends(transaction, scope="function")]
"""The request's transaction, in the actor's organization. No connection before the first
statement."""

ReadTx = Annotated[AsyncSession, Depends(read_transaction, scope="function")]
"""Like `Tx`, read-only."""

Rows = Annotated[TenantRows, Depends(rows)]
"""For a hot route that answers from one row: several times cheaper than a `ReadTx`."""
