"""Building the success envelope."""

from typing import TypeVar

from starlette.requests import HTTPConnection

from chassis.web.middleware.request_id import request_id_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta, PageMeta

T = TypeVar("T")


def success(
    caller: Actor | HTTPConnection, data: T, meta: CursorMeta | PageMeta | None = None
) -> Success[T]:
    """The envelope around `data`, with the id of the caller's request."""
    request_id = caller.request_id if isinstance(caller, Actor) else request_id_of(caller.scope)
    return Success(data=data, meta=meta, request_id=request_id)
