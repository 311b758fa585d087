"""What ai-svc reads of a ticket, and hands over of it. Never reachable from outside."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.web.dependencies import CurrentResources, InternalCaller
from core_api.modules.triage.reading import ticket_to_triage
from core_api.modules.triage.receiving import receive
from shared_schemas.envelope import Success
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import TicketToTriage, TriageProposal, TriageTaken

router = APIRouter(prefix="/triage", tags=["triage"])


@router.get("/tickets/{ticket_id}")
async def read_ticket_to_triage(
    ticket_id: UUID,
    organization_id: Annotated[UUID, Query(examples=["0192a000-0000-7000-8000-00000000a001"])],
    caller: InternalCaller,
    resources: CurrentResources,
) -> Success[TicketToTriage]:
    """All that a proposal is made from, or why there is nothing to propose."""
    tenant = OrganizationId(organization_id)
    async with resources.database.transaction(tenant, read_only=True) as session:
        found = await ticket_to_triage(session, tenant, ticket_id, caller.request_id)
    return Success(data=found, request_id=caller.request_id)


@router.post("/proposals")
async def take_proposal(
    proposal: TriageProposal, caller: InternalCaller, resources: CurrentResources
) -> Success[TriageTaken]:
    """Keeps it, and applies it as far as the organization wants; told again, nothing happens."""
    async with resources.database.transaction(proposal.organization_id) as tx:
        taken = await receive(tx, proposal, caller.request_id)
    return Success(data=taken, request_id=caller.request_id)
