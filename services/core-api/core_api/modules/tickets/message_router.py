"""What is said about tickets, over HTTP."""

from fastapi import APIRouter, status

from chassis.web.dependencies import ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.tickets.dependencies import ILLEGAL, MERGED, Reader, TicketId, Writer
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.repository import OLDEST_MESSAGE_FIRST, Tickets
from core_api.modules.tickets.schemas import MessageCreate, MessageRead
from core_api.modules.tickets.service import TicketService
from shared_schemas.envelope import Success

router = APIRouter(
    prefix="/tickets/{ticket_id}/messages", tags=["tickets"], route_class=IdempotentRoute
)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Add a message",
    responses=raises(TicketNotFound, ILLEGAL, MERGED, IdempotencyKeyReused),
)
async def create_message(
    ticket_id: TicketId, given: MessageCreate, actor: Writer, tx: Tx
) -> Success[MessageRead]:
    """Adds a reply, an internal note, a draft, or what the client said.

    What the client says brings a pending or resolved ticket back to open.
    """
    message = await TicketService(tx, actor).say(ticket_id, given)
    return success(actor, MessageRead.model_validate(message))


@router.get("", summary="List a ticket's messages", responses=raises(TicketNotFound))
async def list_messages(
    ticket_id: TicketId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[MessageRead]]:
    """Everything said about the ticket, oldest first."""
    messages = await Tickets(tx, actor.organization_id).messages(ticket_id, page)
    read, position = MessageRead.model_validate, OLDEST_MESSAGE_FIRST.position
    return page.answer(actor, messages, read, position)
