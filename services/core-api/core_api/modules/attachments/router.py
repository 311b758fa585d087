"""Attachments over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response, status
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import StreamingResponse

from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.idempotency import IdempotencyKeyReused, IdempotentRoute
from chassis.web.responses import success
from core_api.documentation import form_with_file, raises
from core_api.modules.attachments.downloading import Holder, download
from core_api.modules.attachments.exceptions import (
    AttachmentEmpty,
    AttachmentHeld,
    AttachmentInfected,
    AttachmentIsEvidence,
    AttachmentNotFound,
    AttachmentTypeRefused,
    AttachmentUnusable,
    LinkInvalid,
    ScannerUnavailable,
)
from core_api.modules.attachments.intake import MAX_BODY_BYTES, TOO_LARGE, Received
from core_api.modules.attachments.repository import Attachments
from core_api.modules.attachments.schemas import AttachmentLink, AttachmentRead
from core_api.modules.attachments.service import TOO_FULL, AttachmentService
from core_api.modules.attachments.sweep import clear
from core_api.modules.tickets.service import (
    AccessReasonRequired,
    ContentsReader,
    TicketNotFound,
    require_ticket,
)
from core_api.workplace import CurrentWorkplace
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["attachments"], route_class=IdempotentRoute)

Writer = Annotated[Actor, Depends(require(Permission.TICKETS_WRITE))]
TicketId = Annotated[UUID, Path(description="The ticket's id")]
AttachmentId = Annotated[UUID, Path(description="The attachment's id")]
_OF_TICKET: Final = "/tickets/{ticket_id}/attachments"
_FORM: Final = form_with_file(
    "Up to 25 MB",
    {"file": "laudo.pdf"},
    message_id={
        "type": "string",
        "format": "uuid",
        "description": "A message of the ticket; without it, pending",
    },
)
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, as a download",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    _OF_TICKET,
    status_code=status.HTTP_201_CREATED,
    summary="Attach a file",
    responses=raises(
        TicketNotFound,
        IdempotencyKeyReused,
        TOO_FULL,
        TOO_LARGE,
        AttachmentTypeRefused,
        AttachmentEmpty,
        AttachmentInfected,
        AttachmentUnusable,
        ScannerUnavailable(),
    ),
    openapi_extra=_FORM,
    max_body_size=MAX_BODY_BYTES,
)
async def create_attachment(
    ticket_id: TicketId, actor: Writer, upload: Received, tx: Tx
) -> Success[AttachmentRead]:
    """Up to 25 MB, of a type told by its content. Without `message_id` it stays pending until a
    message names it in `attachment_ids`; after a day without one it is deleted. What is sent to a
    ticket that was merged meanwhile is with the one that goes on in its place."""
    attachment = await AttachmentService(tx, actor).add(ticket_id, upload.take(), upload.message_id)
    return success(actor, AttachmentRead.model_validate(attachment))


@router.get(
    _OF_TICKET,
    summary="List a ticket's attachments",
    responses=raises(TicketNotFound, AccessReasonRequired),
)
async def list_attachments(
    ticket_id: TicketId, actor: ContentsReader, tx: ReadTx
) -> Success[list[AttachmentRead]]:
    """All of them, pending ones too, oldest first."""
    await require_ticket(tx, actor.organization_id, ticket_id)
    found = await Attachments(tx, actor.organization_id).of_ticket(ticket_id)
    return success(actor, [AttachmentRead.model_validate(each) for each in found])


@router.delete(
    _OF_TICKET + "/{attachment_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete an attachment",
    responses=raises(TicketNotFound, AttachmentNotFound, AttachmentIsEvidence, AttachmentHeld),
)
async def delete_attachment(
    ticket_id: TicketId,
    attachment_id: AttachmentId,
    actor: Writer,
    tx: Tx,
    workplace: CurrentWorkplace,
) -> Response:
    """For good, and written to the audit log with its name and checksum. Not while a legal hold
    stands on the client."""
    await AttachmentService(tx, actor).delete(ticket_id, attachment_id)
    # Sent after the commit, like everything of the answer.
    task = BackgroundTask(clear, workplace.storage, actor.organization_id, attachment_id)
    return Response(status_code=status.HTTP_204_NO_CONTENT, background=task)


@router.post(
    _OF_TICKET + "/{attachment_id}/link",
    summary="Get a link to download an attachment",
    responses=raises(AttachmentNotFound, AccessReasonRequired, IdempotencyKeyReused),
)
async def create_attachment_link(
    ticket_id: TicketId,
    attachment_id: AttachmentId,
    actor: ContentsReader,
    tx: Tx,
    workplace: CurrentWorkplace,
) -> Success[AttachmentLink]:
    """For five minutes, for this person and this file. Who asked is kept in the audit log."""
    settings = workplace.settings.attachments
    link = await AttachmentService(tx, actor).link(ticket_id, attachment_id, settings)
    token = link.signed(settings.link_key.get_secret_value().encode())
    url = f"/api/v1/attachments/{attachment_id}/download?link={token}"
    return success(actor, AttachmentLink(url=url, expires_at=link.expires_at))


@router.get(
    "/attachments/{attachment_id}/download",
    summary="Download an attachment by its link",
    response_class=StreamingResponse,
    responses={**_FILE, **raises(LinkInvalid, AttachmentNotFound)},
)
async def download_attachment(
    attachment_id: AttachmentId,
    actor: Holder,
    request: Request,
    link: Annotated[str, Query(max_length=200, description="As signed")],  # noqa: ARG001 - the guard reads it
) -> StreamingResponse:
    """Always a download, never shown in place."""
    return await download(attachment_id, actor, request)
