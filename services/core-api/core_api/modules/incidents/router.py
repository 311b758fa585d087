"""Incidents over HTTP."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import versioned
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from core_api.documentation import raises
from core_api.inputs import changes
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.consents.reading import PurposeNotFound
from core_api.modules.deadlines.service import DeadlineRead, Deadlines
from core_api.modules.incidents.exceptions import (
    IncidentClosed,
    IncidentNotDone,
    IncidentNotFound,
)
from core_api.modules.incidents.models import Incident, IncidentStatus, Severity
from core_api.modules.incidents.registering import IncidentService
from core_api.modules.incidents.repository import LATEST_FIRST, IncidentFilter, Incidents
from core_api.modules.incidents.schemas import (
    IncidentAssess,
    IncidentCreate,
    IncidentRead,
    IncidentUpdate,
    Scope,
)
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/incidents", tags=["incidents"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.INCIDENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.INCIDENTS_WRITE))]
IncidentId = Annotated[UUID, Path(description="The incident's id")]


def _filter(
    status: Annotated[IncidentStatus | None, Query(description="Open or closed")] = None,
    severity: Annotated[Severity | None, Query(description="Of one severity only")] = None,
) -> IncidentFilter:
    return IncidentFilter(status=status, severity=severity)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    summary="Register an incident",
    responses=raises(IdempotencyKeyReused),
)
async def register_incident(
    given: IncidentCreate, actor: Writer, tx: Tx, response: Response
) -> Success[IncidentRead]:
    """The clock runs from `known_at`: three business days to tell the ANPD and the subjects, until
    an assessment finds that nobody must be told. Kept for at least five years either way."""
    return await _answer(actor, tx, response, await IncidentService(tx, actor).register(given))


@router.get("", summary="List incidents")
async def list_incidents(
    actor: Reader, tx: ReadTx, page: ByCursor, wanted: Annotated[IncidentFilter, Depends(_filter)]
) -> Success[list[IncidentRead]]:
    """Every incident with its clock, the latest known first."""
    incidents = await Incidents(tx, actor.organization_id).list(wanted, page)
    deadlines = await _deadlines(tx, actor, incidents)
    return page.answer(
        actor,
        incidents,
        lambda row: IncidentRead.of(row, deadlines[row.id]),
        LATEST_FIRST.position,
    )


@router.get("/{incident_id}", summary="Show an incident", responses=raises(IncidentNotFound))
async def get_incident(
    incident_id: IncidentId, actor: Reader, tx: ReadTx, response: Response
) -> Success[IncidentRead]:
    """One incident with its clock."""
    incident = await Incidents(tx, actor.organization_id).get(incident_id)
    return await _answer(actor, tx, response, incident)


@router.patch(
    "/{incident_id}",
    summary="Change an incident",
    responses=raises(IncidentNotFound, IncidentClosed),
)
async def change_incident(
    incident_id: IncidentId,
    given: IncidentUpdate,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[IncidentRead]:
    """What is known by now; another `known_at` moves what is still due."""
    service = IncidentService(tx, actor)
    incident = await service.change(incident_id, changes(given), seen_version)
    return await _answer(actor, tx, response, incident)


@router.post(
    "/{incident_id}/assess",
    summary="Assess an incident",
    responses=raises(IncidentNotFound, IncidentClosed, IdempotencyKeyReused),
)
async def assess_incident(
    incident_id: IncidentId,
    given: IncidentAssess,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[IncidentRead]:
    """Whether it may bring relevant risk or damage: then it must be notified. Otherwise the reasons
    are kept instead. May be done again."""
    incident = await IncidentService(tx, actor).assess(incident_id, given, seen_version)
    return await _answer(actor, tx, response, incident)


@router.post(
    "/{incident_id}/scope",
    summary="Compute who was affected",
    responses=raises(
        IncidentNotFound, IncidentClosed, ClientNotFound, PurposeNotFound, IdempotencyKeyReused
    ),
)
async def find_subjects(
    incident_id: IncidentId,
    given: Scope,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[IncidentRead]:
    """Finds the clients all criteria apply to and the categories of data of the purposes, and
    enters both. Who is no longer found, and was not told, is taken out."""
    incident = await IncidentService(tx, actor).find_subjects(incident_id, given, seen_version)
    return await _answer(actor, tx, response, incident)


@router.post(
    "/{incident_id}/close",
    summary="Close an incident",
    responses=raises(
        IncidentNotFound,
        IncidentClosed,
        IncidentNotDone(open="há comunicações pendentes"),
        IdempotencyKeyReused,
    ),
)
async def close_incident(
    incident_id: IncidentId, actor: Writer, tx: Tx, seen_version: IfMatch, response: Response
) -> Success[IncidentRead]:
    """Once it was assessed and every notice it asks for was given."""
    incident = await IncidentService(tx, actor).close(incident_id, seen_version)
    return await _answer(actor, tx, response, incident)


async def _deadlines(
    tx: AsyncSession, actor: Actor, incidents: Sequence[Incident]
) -> dict[UUID, list[DeadlineRead]]:
    found = Deadlines(tx, actor.organization_id)
    return await found.read([incident.id for incident in incidents])


async def _answer(
    actor: Actor, tx: AsyncSession, response: Response, incident: Incident
) -> Success[IncidentRead]:
    deadlines = await _deadlines(tx, actor, [incident])
    return versioned(actor, response, IncidentRead.of(incident, deadlines[incident.id]))
