"""Notices of an incident over HTTP: drafts, what was given, who was told."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.deliveries.service import DeliveryKind, DeliveryRead, mails_of
from core_api.modules.incidents.exceptions import (
    DelayUnexplained,
    IncidentClosed,
    IncidentNotFound,
    IncidentNoticeNotFound,
    NoticeIncomplete,
    NoticeMisdirected,
    NoticeNotNeeded,
)
from core_api.modules.incidents.models import Audience, IncidentSubject
from core_api.modules.incidents.notifying import Notifying
from core_api.modules.incidents.papers import draft_paper
from core_api.modules.incidents.repository import NOTICE_ORDER, Incidents, subject_position
from core_api.modules.incidents.schemas import (
    Draft,
    IncidentNoticeCreate,
    IncidentNoticeRead,
    IncidentSubjectRead,
    Told,
)
from core_api.modules.officers.service import responsible_of
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(
    prefix="/incidents/{incident_id}", tags=["incidents"], route_class=IdempotentRoute
)

Reader = Annotated[Actor, Depends(require(Permission.INCIDENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.INCIDENTS_WRITE))]
IncidentId = Annotated[UUID, Path(description="The incident's id")]
To = Annotated[Audience, Query(description="Who is told", examples=["anpd"])]
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document",
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class QueuedRead(BaseModel):
    """How many mails are to go out."""

    queued: int = Field(examples=[118])


class ToldRead(BaseModel):
    """How many were told, and are left to be told."""

    told: int = Field(examples=[118])
    left: int = Field(examples=[0])


@router.get("/draft", summary="Draft a notice", responses=raises(IncidentNotFound))
async def get_draft(
    incident_id: IncidentId, actor: Reader, tx: ReadTx, audience: To
) -> Success[Draft]:
    """With everything the resolution asks for (Res. CD/ANPD 15/2024, arts. 6 and 9); what the
    register does not say yet is named."""
    return success(actor, await Notifying(tx, actor).draft(incident_id, audience))


@router.get(
    "/draft/export",
    summary="Export the draft of a notice",
    response_class=Response,
    responses={**_FILE, **raises(IncidentNotFound)},
)
async def export_draft(
    incident_id: IncidentId, actor: Reader, tx: ReadTx, audience: To
) -> Response:
    """As PDF, in Portuguese."""
    draft = await Notifying(tx, actor).draft(incident_id, audience)
    controller = (await responsible_of(tx, actor.organization_id)).controller
    content = await asyncio.to_thread(draft_paper, draft, controller, f"Incidente {incident_id}")
    headers = {
        "content-disposition": f'attachment; filename="incidente-{audience.value}.pdf"',
        "cache-control": "no-store",
    }
    return Response(content, media_type="application/pdf", headers=headers)


@router.post(
    "/notices",
    status_code=status.HTTP_201_CREATED,
    summary="Keep a notice that was given",
    responses=raises(
        IncidentNotFound,
        IncidentClosed,
        NoticeNotNeeded,
        NoticeIncomplete(missing="Riscos e possíveis impactos aos titulares"),
        DelayUnexplained,
        NoticeMisdirected,
        IdempotencyKeyReused,
    ),
)
async def give_notice(
    incident_id: IncidentId, given: IncidentNoticeCreate, actor: Writer, tx: Tx
) -> Success[IncidentNoticeRead]:
    """Its exact text with its SHA-256, when, how, and what proves it; its deadline is met."""
    notice = await Notifying(tx, actor).give(incident_id, given)
    return success(actor, IncidentNoticeRead.model_validate(notice))


@router.get("/notices", summary="List the notices given", responses=raises(IncidentNotFound))
async def list_incident_notices(
    incident_id: IncidentId, actor: Reader, tx: ReadTx, page: ByCursor
) -> Success[list[IncidentNoticeRead]]:
    """In the order they were given in."""
    incidents = Incidents(tx, actor.organization_id)
    await incidents.get(incident_id)
    notices = await incidents.notices(incident_id, page)
    return page.answer(actor, notices, IncidentNoticeRead.model_validate, NOTICE_ORDER.position)


@router.get("/subjects", summary="List who was affected", responses=raises(IncidentNotFound))
async def list_subjects(
    incident_id: IncidentId,
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    told: Annotated[
        bool | None, Query(description="Only who was told one by one, or who was not yet")
    ] = None,
) -> Success[list[IncidentSubjectRead]]:
    """Clients as ids, and whether they were told one by one."""
    incidents = Incidents(tx, actor.organization_id)
    await incidents.get(incident_id)
    subjects = await incidents.subjects(incident_id, page, told=told)
    mails = await _mails(tx, incidents, incident_id, subjects)

    def read(subject: IncidentSubject) -> IncidentSubjectRead:
        mail = mails.get(subject.client_id)
        return IncidentSubjectRead.model_validate(subject).model_copy(update={"mail": mail})

    return page.answer(actor, subjects, read, subject_position)


async def _mails(
    tx: AsyncSession, incidents: Incidents, incident_id: UUID, subjects: Sequence[IncidentSubject]
) -> dict[UUID, DeliveryRead]:
    """Of each of them the latest, whichever notice it is of; in two statements."""
    if not subjects:
        return {}
    notice_ids = await incidents.notice_ids(incident_id)
    client_ids = [subject.client_id for subject in subjects]
    organization_id = subjects[0].organization_id
    kind = DeliveryKind.INCIDENT_NOTICE
    found = await mails_of(tx, organization_id, kind, notice_ids, client_ids)
    by_age = sorted(found.items(), key=lambda item: item[1].id)  # ids grow with time
    return {client_id: mail for (_, client_id), mail in by_age}


@router.post(
    "/notices/{notice_id}/send",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Send a notice to the subjects by e-mail",
    responses=raises(
        IncidentNotFound,
        IncidentClosed,
        IncidentNoticeNotFound,
        NoticeMisdirected,
        IdempotencyKeyReused,
    ),
)
async def send_notice(
    incident_id: IncidentId,
    notice_id: Annotated[UUID, Path(description="A notice to the subjects by e-mail")],
    actor: Writer,
    tx: Tx,
) -> Success[QueuedRead]:
    """In its exact words, to everybody affected who was not told one by one yet. Who a mail went
    out to counts as told, with its `Message-ID` as proof; who has no address, or is blocked, is
    left for a person. Asked for again it sends to nobody twice."""
    queued = await Notifying(tx, actor).send(incident_id, notice_id)
    return success(actor, QueuedRead(queued=queued))


@router.post(
    "/subjects/told",
    summary="Prove that subjects were told",
    responses=raises(IncidentNotFound, IncidentClosed, ClientNotFound, IdempotencyKeyReused),
)
async def tell_subjects(
    incident_id: IncidentId, given: Told, actor: Writer, tx: Tx
) -> Success[ToldRead]:
    """One by one: some, or everybody who was not told yet. Who was told before keeps that proof."""
    told = await Notifying(tx, actor).tell(incident_id, given)
    left = await Incidents(tx, actor.organization_id).untold(incident_id)
    return success(actor, ToldRead(told=told, left=left))
