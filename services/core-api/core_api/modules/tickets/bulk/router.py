"""Changing many tickets over HTTP."""

from fastapi import APIRouter

from chassis.web.dependencies import Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.tickets.bulk.schemas import BulkOutcome, BulkRead, BulkRequest
from core_api.modules.tickets.dependencies import Writer
from core_api.modules.tickets.service import TicketService
from shared_schemas.envelope import Success

router = APIRouter(prefix="/tickets", tags=["tickets"], route_class=IdempotentRoute)


@router.post("/bulk", summary="Change many tickets", responses=raises(IdempotencyKeyReused))
async def change_many_tickets(given: BulkRequest, actor: Writer, tx: Tx) -> Success[BulkRead]:
    """Does the same to up to 200 tickets, and says for each whether it could be done.

    A ticket whose status does not allow it, or that does not exist, is `refused` with the code and
    message it would have been answered alone; the others are changed.
    """
    results = await TicketService(tx, actor).apply_to_many(given)
    done = sum(result.outcome is BulkOutcome.DONE for result in results)
    return success(actor, BulkRead(done=done, refused=len(results) - done, results=results))
