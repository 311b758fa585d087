"""A ticket's service levels over HTTP; and the sweep, for worker-svc only."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, ReadTx
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.sla.sweep import Sweep
from core_api.modules.sla.ticket_view import TicketSlaRead, view
from core_api.modules.tickets.service import TicketNotFound
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/tickets", tags=["sla"])
internal_router = APIRouter(prefix="/sla", tags=["sla"])

Reader = Annotated[Actor, Depends(require(Permission.TICKETS_READ))]
TicketId = Annotated[UUID, Path(description="The ticket's id")]


@router.get(
    "/{ticket_id}/sla", summary="Show a ticket's service levels", responses=raises(TicketNotFound)
)
async def get_ticket_sla(ticket_id: TicketId, actor: Reader, tx: ReadTx) -> Success[TicketSlaRead]:
    """Each timer as it stands this moment, and every row of the ledger it is computed from."""
    return success(actor, await view(tx, actor.organization_id, ticket_id))


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Tells what was reached and applies what was changed; says how much of each."""
    swept = await Sweep(database=resources.database, correlation_id=caller.request_id).run()
    return Success(data=asdict(swept), request_id=caller.request_id)
