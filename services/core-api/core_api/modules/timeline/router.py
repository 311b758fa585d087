"""Timelines of clients over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx
from chassis.web.pagination import ByCursor, encode_cursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.timeline.schemas import TimelineEntryRead
from core_api.modules.timeline.service import TimelineService
from core_api.timeline_sources import TimelineKind
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.pagination import CursorMeta
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/clients/{client_id}/timeline", tags=["clients"])

Reader = Annotated[Actor, Depends(require(Permission.CLIENTS_READ))]
ClientId = Annotated[UUID, Path(description="The client's id")]
Kinds = Annotated[
    frozenset[TimelineKind],
    Query(
        alias="kind",
        description="Only these; may be repeated",
        examples=[["message", "note"]],
    ),
]


@router.get("", summary="Show what happened with a client", responses=raises(ClientNotFound))
async def list_client_timeline(
    client_id: ClientId, actor: Reader, tx: ReadTx, page: ByCursor, kinds: Kinds = frozenset()
) -> Success[list[TimelineEntryRead]]:
    """Newest first, of the client and all merged into it.

    Tickets, messages and attachments ask for `tickets:read`, consents and revocations for
    `consents:read`, requests of data subjects for `privacy:read`; who may not read them is shown
    the rest.
    """
    found = await TimelineService(tx, actor).page(client_id, kinds, page)
    meta = CursorMeta(
        limit=page.limit,
        has_more=found.position is not None,
        next_cursor=encode_cursor(found.position) if found.position else None,
    )
    return success(actor, [TimelineEntryRead.of(entry) for entry in found.entries], meta)
