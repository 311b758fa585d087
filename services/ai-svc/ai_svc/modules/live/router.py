"""Live progress of documents over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import Request
from starlette.responses import StreamingResponse

from ai_svc.modules.batches.exceptions import BatchNotFound
from ai_svc.modules.batches.models import Batch
from ai_svc.modules.documents.dependencies import ABSENT, NamedClient, Reader, documents_for
from ai_svc.modules.live.looking import Wanted
from ai_svc.modules.live.streaming import DocumentsFollowed
from chassis.security.authentication import session_end
from chassis.web.dependencies import CurrentResources
from chassis.web.documentation import raises
from chassis.web.errors import Unavailable
from chassis.web.live.hub import MOST_CONNECTIONS, Hub
from chassis.web.live.updates import hub_of
from shared_schemas.actor import Actor

router = APIRouter(prefix="/rag/documents", tags=["documents"])

_EXAMPLE: Final = (
    "event: ready\ndata: {}\nid: 1795237200000\nretry: 3000\n\n"
    "event: document\n"
    'data: {"document_id":"0192a000-0000-7000-8000-0000000d0001","status":"processing",'
    '"stage":"embed","percent":71,"error_code":null,"error_message":null,'
    '"current_version":null,"latest_version":1,"version":3}\n\n'
    ": ping\n\n"
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events, until the access token ends",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get(
    "/events",
    summary="Follow documents, live",
    response_class=StreamingResponse,  # FastAPI takes EventSourceResponse for a generator's
    responses={**_STREAM, **raises(Unavailable(), BatchNotFound, *ABSENT)},
)
async def follow_documents(
    actor: Reader,
    resources: CurrentResources,
    hub: Annotated[Hub, Depends(hub_of)],
    request: Request,
    document_id: Annotated[UUID | None, Query(description="Only this document")] = None,
    batch_id: Annotated[
        UUID | None, Query(description="Only what was accepted from this batch of one's own")
    ] = None,
    client_id: NamedClient = None,
    last_event_id: Annotated[
        str | None, Header(max_length=100, description="The last `id` seen: resumes after it")
    ] = None,
) -> StreamingResponse:
    """`document` whenever the status, stage, percent or error of one changes that the caller may
    read; `gone` when one they heard of is deleted or no longer theirs to read.

    With `document_id` or `batch_id` it begins with how they are. `ready`: what comes after is live.
    `reset`: something was missed, load anew. `expired`: the token has ended. A comment every 15
    seconds keeps the line open. Changes of status carry an `id` to resume after within five
    minutes; progress in between does not.
    """
    if hub.closed or not hub.started or hub.size >= MOST_CONNECTIONS:
        raise Unavailable
    wanted = Wanted(document_id, batch_id, client_id)
    if wanted.is_few:
        await _check(resources, actor, wanted)
    return DocumentsFollowed(
        hub,
        actor,
        last_event_id,
        await session_end(request),
        database=resources.database,
        wanted=wanted,
    )


async def _check(resources: CurrentResources, actor: Actor, wanted: Wanted) -> None:
    tenant = actor.organization_id
    async with resources.database.transaction(tenant, read_only=True) as session:
        if wanted.document_id is not None:
            documents = await documents_for(session, actor, wanted.client_id)
            await documents.get(wanted.document_id)
        if wanted.batch_id is not None:
            mine = sa.select(Batch.id).where(
                Batch.organization_id == tenant,
                Batch.id == wanted.batch_id,
                Batch.submitted_by == actor.user_id,
            )
            if await session.scalar(mine) is None:
                raise BatchNotFound
