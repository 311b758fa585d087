"""Presence at tickets over HTTP. Redis is only spoken to when no transaction is open."""

from typing import Annotated

from fastapi import APIRouter, Depends, status

from chassis.security.authentication import require
from chassis.web.dependencies import CurrentResources, Rows
from chassis.web.errors import Forbidden
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.presence.board import PresenceBoard
from core_api.modules.presence.schemas import Activity, PresenceRead, PresenceUpdate
from core_api.modules.tickets.dependencies import TicketId
from core_api.modules.tickets.service import TicketNotFound, check_ticket
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/tickets/{ticket_id}/presence", tags=["presence"])

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]


@router.get("", summary="Show who is at a ticket", responses=raises(TicketNotFound))
async def list_presence(
    ticket_id: TicketId, actor: Reader, rows: Rows, resources: CurrentResources
) -> Success[list[PresenceRead]]:
    """Who looks at it or answers it right now, the longest first."""
    await check_ticket(rows, actor.organization_id, ticket_id)
    board = PresenceBoard(resources.redis, actor.organization_id)
    return success(actor, await board.at(ticket_id))


@router.put("", summary="Say what you do at a ticket", responses=raises(TicketNotFound, Forbidden))
async def put_presence(
    ticket_id: TicketId,
    given: PresenceUpdate,
    actor: Reader,
    rows: Rows,
    resources: CurrentResources,
) -> Success[list[PresenceRead]]:
    """Holds for 45 seconds: say it again every 15. Answers who is there, you among them."""
    if given.activity is Activity.REPLYING and not actor.may(Permission.TICKETS_WRITE):
        raise Forbidden
    await check_ticket(rows, actor.organization_id, ticket_id)
    board = PresenceBoard(resources.redis, actor.organization_id)
    await board.say(ticket_id, actor.user_id, given.activity)
    return success(actor, await board.at(ticket_id))


@router.delete(
    "",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Leave a ticket",
    responses=raises(TicketNotFound),
)
async def delete_presence(
    ticket_id: TicketId, actor: Reader, rows: Rows, resources: CurrentResources
) -> None:
    """You are not there any more; without it that is so after 45 seconds."""
    await check_ticket(rows, actor.organization_id, ticket_id)
    await PresenceBoard(resources.redis, actor.organization_id).leave(ticket_id, actor.user_id)
