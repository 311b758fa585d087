"""Canned replies over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response, status

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.macros.applying import MacroRun
from core_api.modules.macros.exceptions import (
    CannedReplyInUse,
    CannedReplyNameTaken,
    CannedReplyNotFound,
    SharedForbidden,
    TextEmpty,
    TextTooLong,
)
from core_api.modules.macros.models import CannedReply
from core_api.modules.macros.repository import BY_NAME, CannedReplies
from core_api.modules.macros.schemas import (
    CannedReplyCreate,
    CannedReplyRead,
    CannedReplyUpdate,
    RenderedRead,
    VariableRead,
)
from core_api.modules.macros.service import CannedReplyService
from core_api.modules.macros.variables import VARIABLES
from core_api.modules.tickets.dependencies import Searcher, TicketId
from core_api.modules.tickets.service import TicketNotFound
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["macros"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.TICKETS_WRITE))]
ReplyId = Annotated[UUID, Path(description="The canned reply's id")]


@router.get("/canned-replies/variables", summary="List the variables of canned replies")
async def list_variables(actor: Reader) -> Success[list[VariableRead]]:
    """What may stand in double braces, and what it becomes."""
    table = [
        VariableRead(name=name, description=description, example=example)
        for name, (description, example) in VARIABLES.items()
    ]
    return success(actor, table)


@router.post(
    "/canned-replies",
    status_code=status.HTTP_201_CREATED,
    summary="Write a canned reply",
    responses=raises(CannedReplyNameTaken, SharedForbidden, IdempotencyKeyReused),
)
async def create_canned_reply(
    given: CannedReplyCreate, actor: Writer, tx: Tx, response: Response
) -> Success[CannedReplyRead]:
    """Your own, or shared with everybody. A variable that does not exist is refused."""
    reply = await CannedReplyService(tx, actor).create(given)
    response.headers["location"] = f"/api/v1/canned-replies/{reply.id}"
    return versioned(actor, response, _read(reply))


@router.get("/canned-replies", summary="List canned replies")
async def list_canned_replies(
    actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[CannedReplyRead]]:
    """The shared ones and your own, by name."""
    replies = await CannedReplies(tx, actor.organization_id, actor.user_id).list(page)
    return page.answer(actor, replies, _read, BY_NAME.position)


@router.get(
    "/canned-replies/{reply_id}",
    summary="Show a canned reply",
    responses=raises(CannedReplyNotFound),
)
async def get_canned_reply(
    reply_id: ReplyId, actor: Reader, tx: ReadTx, response: Response
) -> Success[CannedReplyRead]:
    """One text, with its version as `ETag`."""
    reply = await CannedReplies(tx, actor.organization_id, actor.user_id).get(reply_id)
    return versioned(actor, response, _read(reply))


@router.patch(
    "/canned-replies/{reply_id}",
    summary="Change a canned reply",
    responses=raises(
        CannedReplyNotFound, CannedReplyNameTaken, SharedForbidden, PreconditionFailed
    ),
)
async def change_canned_reply(
    reply_id: ReplyId,
    given: CannedReplyUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[CannedReplyRead]:
    """Changes the fields that are sent. Macros that use it say the new text from then on."""
    reply = await CannedReplyService(tx, actor).change(reply_id, changes(given), seen_version)
    return versioned(actor, response, _read(reply))


@router.delete(
    "/canned-replies/{reply_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a canned reply",
    responses=raises(CannedReplyNotFound, CannedReplyInUse, SharedForbidden, PreconditionFailed),
)
async def delete_canned_reply(
    reply_id: ReplyId, actor: Writer, tx: Tx, seen_version: IfMatch
) -> None:
    """For good, unless macros use it."""
    await CannedReplyService(tx, actor).delete(reply_id, seen_version)


@router.get(
    "/tickets/{ticket_id}/canned-replies/{reply_id}",
    summary="Fill in a canned reply for a ticket",
    responses=raises(TicketNotFound, CannedReplyNotFound, TextTooLong, TextEmpty),
)
async def render_canned_reply(
    ticket_id: TicketId, reply_id: ReplyId, actor: Searcher, tx: ReadTx
) -> Success[RenderedRead]:
    """The text with the ticket's values; nothing is said or kept."""
    body = await MacroRun(tx, actor).text_of(ticket_id, reply_id)
    return success(actor, RenderedRead(body=body))


def _read(reply: CannedReply) -> CannedReplyRead:
    return CannedReplyRead(
        id=reply.id,
        name=reply.name,
        body=reply.body,
        shared=reply.owner_id is None,
        created_at=reply.created_at,
        updated_at=reply.updated_at,
        version=reply.version,
    )
