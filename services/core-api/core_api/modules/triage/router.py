"""Proposals and their settings over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag, versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.responses import success
from core_api.blocked_clients import ClientBlocked
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.categories.service import CategoryArchived, CategoryNotFound
from core_api.modules.teams.roster import TeamNotFound
from core_api.modules.tickets.dependencies import ILLEGAL, MERGED, Reader, TicketId, Writer
from core_api.modules.tickets.service import (
    AccessReasonRequired,
    ContentsReader,
    TicketNotFound,
    TicketService,
)
from core_api.modules.triage.configuring import change_settings, triage_settings
from core_api.modules.triage.deciding import Deciding
from core_api.modules.triage.exceptions import NotProposed, TriageNotFound, TriageSettled
from core_api.modules.triage.repository import Triages
from core_api.modules.triage.schemas import (
    TriageAccept,
    TriageDecline,
    TriageDetail,
    TriageRead,
    TriageSettingsRead,
    TriageSettingsUpdate,
)
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["tickets"], route_class=IdempotentRoute)

Configurer = Annotated[Actor, Depends(require(Permission.ASSISTANT_CONFIGURE))]


@router.get(
    "/tickets/{ticket_id}/triage",
    summary="Show what the assistant proposes",
    responses=raises(TicketNotFound, TriageNotFound, AccessReasonRequired),
)
async def get_triage(
    ticket_id: TicketId, actor: ContentsReader, tx: ReadTx, response: Response
) -> Success[TriageDetail]:
    """Category, priority, team, a reply with its citations, and duplicates; the `ETag` is the
    ticket's, to accept it with. As a decision, with its reviews: `GET
    /automated-decisions?ticket_id=`."""
    ticket = await TicketService(tx, actor).tickets.get(ticket_id)
    triage = await Triages(tx, actor.organization_id).get(ticket_id)
    set_etag(response, ticket.version)
    return success(actor, TriageDetail.of(triage))


@router.post(
    "/tickets/{ticket_id}/triage/accept",
    summary="Accept what the assistant proposes",
    responses=raises(
        TicketNotFound,
        TriageNotFound,
        TriageSettled,
        NotProposed(field="team"),
        ClientBlocked,
        CategoryNotFound,
        CategoryArchived,
        TeamNotFound,
        ILLEGAL,
        MERGED,
        IdempotencyKeyReused,
    ),
)
async def accept_triage(
    ticket_id: TicketId,
    given: TriageAccept,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TriageRead]:
    """Whole, or the fields that are named, as if the caller had entered them; the reply becomes a
    draft, which a person sends. Send the ticket's `ETag` as `If-Match` to be safe."""
    triage, ticket = await Deciding(tx, actor).accept(ticket_id, given, seen_version)
    set_etag(response, ticket.version)
    return success(actor, TriageRead.model_validate(triage))


@router.post(
    "/tickets/{ticket_id}/triage/decline",
    summary="Decline what the assistant proposes",
    responses=raises(TicketNotFound, TriageNotFound, TriageSettled, IdempotencyKeyReused),
)
async def decline_triage(
    ticket_id: TicketId,
    given: TriageDecline,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TriageRead]:
    """Says why not. What took effect by itself stays: it is changed on the ticket, and its subject
    may ask for a review of the decision."""
    triage, ticket = await Deciding(tx, actor).decline(ticket_id, given, seen_version)
    set_etag(response, ticket.version)
    return success(actor, TriageRead.model_validate(triage))


@router.get("/triage-settings", summary="Show the settings of triage")
async def get_triage_settings(
    actor: Reader, tx: ReadTx, response: Response
) -> Success[TriageSettingsRead]:
    """How far triage goes by itself, with the version as `ETag`."""
    settings = await triage_settings(tx, actor.organization_id)
    return versioned(actor, response, TriageSettingsRead.model_validate(settings))


@router.patch("/triage-settings", summary="Change the settings of triage")
async def change_triage_settings(
    given: TriageSettingsUpdate,
    actor: Configurer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[TriageSettingsRead]:
    """Changes the fields that are sent. What was triaged already stays as it is."""
    settings = await change_settings(tx, actor, changes(given), seen_version)
    return versioned(actor, response, TriageSettingsRead.model_validate(settings))
