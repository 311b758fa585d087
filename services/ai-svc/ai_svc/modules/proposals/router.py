"""Proposals over HTTP: to look at, to confirm, to decline."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from ai_svc.modules.proposals import service
from ai_svc.modules.proposals.exceptions import (
    ProposalBusy,
    ProposalDeclined,
    ProposalExpired,
    ProposalNotFound,
    ProposalSettled,
)
from ai_svc.modules.proposals.repository import Proposals
from ai_svc.modules.proposals.schemas import ProposalRead
from ai_svc.workshop import CurrentWorkshop
from chassis.data.columns import utc_now
from chassis.security.authentication import AccessToken, require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/chat/proposals", tags=["proposals"])
deciding = APIRouter(prefix="/chat/proposals", tags=["proposals"], route_class=IdempotentRoute)

Person = Annotated[Actor, Depends(require(Permission.CHAT_USE))]
Pending = Annotated[bool, Query(description="Only those that can still be confirmed")]


@router.get("", summary="List what the assistant has proposed")
async def list_proposals(
    actor: Person,
    tx: ReadTx,
    page: ByCursor,
    *,
    pending: Pending = False,
    conversation_id: Annotated[
        UUID | None, Query(description="Only those made in this conversation")
    ] = None,
) -> Success[list[ProposalRead]]:
    """Those that were shown to the caller, newest first."""
    now = utc_now()
    rows = await Proposals(tx, actor).page(
        page, now=now, conversation_id=conversation_id, pending=pending
    )
    return page.answer(
        actor,
        rows,
        lambda each: ProposalRead.of(each, now),
        lambda each: (each.created_at.isoformat(), str(each.id)),
    )


@router.get("/{proposal_id}", summary="Show a proposal", responses=raises(ProposalNotFound))
async def show_proposal(proposal_id: UUID, actor: Person, tx: ReadTx) -> Success[ProposalRead]:
    """With the exact arguments it will be executed with. Only to whom it was made."""
    found = await Proposals(tx, actor).get(proposal_id)
    return success(actor, ProposalRead.of(found, utc_now()))


@router.post(
    "/{proposal_id}/confirm",
    summary="Confirm a proposal",
    responses=raises(ProposalNotFound, ProposalExpired, ProposalDeclined, ProposalBusy),
)
async def confirm_proposal(
    proposal_id: UUID, actor: Person, token: AccessToken, workshop: CurrentWorkshop
) -> Success[ProposalRead]:
    """Executes exactly what was shown, once, with the caller's own rights.

    `status` is then `confirmed`, with the ids of what was made in `result`, or `failed` with the
    cause. Confirming again is answered the same and does nothing. After a 503 it is not known
    whether it was done: confirm again, it will be done once.
    """
    read = await service.confirm(workshop.database, workshop.core_api, actor, token, proposal_id)
    return success(actor, read)


@deciding.post(
    "/{proposal_id}/decline",
    summary="Decline a proposal",
    responses=raises(ProposalNotFound, ProposalExpired, ProposalSettled),
)
async def decline_proposal(proposal_id: UUID, actor: Person, tx: Tx) -> Success[ProposalRead]:
    """Nothing is done, now or later. Declining again is answered the same."""
    declined = await service.decline(tx, actor, proposal_id)
    return success(actor, ProposalRead.of(declined, utc_now()))
