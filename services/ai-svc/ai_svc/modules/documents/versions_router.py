"""Versions of documents over HTTP: what a document says now, said before, and will say."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response, status

from ai_svc.modules.documents.bodies import submission_body
from ai_svc.modules.documents.dependencies import (
    BODY_REFUSED,
    MAX_VERSION,
    NamedClient,
    Reader,
    Writer,
    absent,
    documents_for,
    read_document,
)
from ai_svc.modules.documents.exceptions import VersionNotFound
from ai_svc.modules.documents.intake import MAX_BODY_BYTES, VersionSubmission
from ai_svc.modules.documents.reads import DocumentRead, VersionRead
from ai_svc.modules.documents.schemas import VersionFields, VersionTextOrUrl
from ai_svc.workshop import CurrentWorkshop
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.idempotency import IdempotentRoute
from chassis.web.responses import success
from knowledge import versions
from knowledge.quotas import QuotaExceeded
from shared_schemas.envelope import Success

router = APIRouter(
    prefix="/rag/documents/{document_id}/versions", tags=["documents"], route_class=IdempotentRoute
)


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Submit a new version",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=submission_body(VersionFields, VersionTextOrUrl),
    responses={
        200: {
            "model": Success[DocumentRead],
            "description": "The current version says the same: there is nothing new",
        },
        **BODY_REFUSED,
        **absent(QuotaExceeded(limit="51200 MB em arquivos")),
    },
)
async def submit_version(
    document_id: UUID,
    actor: Writer,
    received: VersionSubmission,
    tx: Tx,
    workshop: CurrentWorkshop,
    seen_version: IfMatch,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """A file, a text or an address that replaces what the document says.

    The current version is searched until the new one is indexed, and searched on should that fail.
    A version that is still being processed makes way for this one.
    """
    fields = received.fields
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    submitted = await versions.submit_version(
        tx,
        actor,
        workshop.queue,
        document,
        received.source,
        title=fields.title,
        chunking=fields.cutting,
        language=fields.language,
        upload=received.upload,
        quota=workshop.settings.ingestion.quota,
    )
    await tx.flush()
    if submitted.is_unchanged:
        response.status_code = status.HTTP_200_OK
    else:
        received.take()
        response.headers["location"] = (
            f"/api/v1/rag/documents/{document_id}/versions/{submitted.number}"
        )
    return success(actor, await read_document(documents, document_id, response))


@router.get("", summary="List a document's versions", responses=absent())
async def list_versions(
    document_id: UUID, actor: Reader, tx: ReadTx, client_id: NamedClient = None
) -> Success[list[VersionRead]]:
    """All of them, newest first."""
    document, found = await (await documents_for(tx, actor, client_id)).versions(document_id)
    return success(actor, [VersionRead.of(document, version) for version in found])


@router.get("/{number}", summary="Show a version", responses=absent(VersionNotFound))
async def show_version(
    document_id: UUID,
    number: Annotated[int, Path(ge=1, le=MAX_VERSION)],
    actor: Reader,
    tx: ReadTx,
    client_id: NamedClient = None,
) -> Success[VersionRead]:
    """What it was made from, and how far it has come. Its text: `/content?version=`."""
    documents = await documents_for(tx, actor, client_id)
    document, version = await documents.version(document_id, number)
    return success(actor, VersionRead.of(document, version))
