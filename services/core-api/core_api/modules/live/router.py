"""Live updates over HTTP."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header
from starlette.requests import Request
from starlette.responses import StreamingResponse

from chassis.security.authentication import require, session_end
from chassis.web.errors import Unavailable
from chassis.web.live.hub import MOST_CONNECTIONS, Hub
from chassis.web.live.streaming import LiveResponse
from chassis.web.live.updates import hub_of
from core_api.documentation import raises
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

router = APIRouter(tags=["live"])

Listener = Annotated[Actor, Depends(require(Permission.ORGANIZATION_READ))]
_EXAMPLE: Final = (
    "event: ready\ndata: {}\nid: 1795237200000\nretry: 3000\n\n"
    "event: ticket.updated\n"
    'data: {"type":"ticket.updated","occurred_at":"2026-11-21T09:00:00+00:00",'
    '"actor_id":"0192a000-0000-7000-8000-000000000002",'
    '"payload":{"ticket_id":"0192a000-0000-7000-8000-0000000e0001",'
    '"client_id":"0192a000-0000-7000-8000-0000000c0001","changed":["status"]}}\n'
    "id: 1795237201007-0.ticket.updated\n\n"
    ": ping\n\n"
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events, until the access token ends",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get(
    "/stream",
    summary="Follow what happens, live",
    response_class=StreamingResponse,  # FastAPI takes EventSourceResponse for a generator's
    responses={**_STREAM, **raises(Unavailable())},
)
async def follow(
    actor: Listener,
    hub: Annotated[Hub, Depends(hub_of)],
    request: Request,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The last `id` seen: resumes after it")
    ] = None,
) -> StreamingResponse:
    """Events of the organization that the caller's permissions let them see: ids, kinds and names
    of fields, never values. Who wants to know more asks for it.

    `ready` begins a connection. `reset`: something was missed, load anew. `presence`: who is at a
    ticket. `expired`: the token has ended. A comment every 15 seconds keeps the line open. With
    `Last-Event-ID` nothing is lost or told twice if the connection broke off less than five
    minutes ago.
    """
    if hub.closed or not hub.started or hub.size >= MOST_CONNECTIONS:
        raise Unavailable
    return LiveResponse(hub, actor, last_event_id, await session_end(request))
