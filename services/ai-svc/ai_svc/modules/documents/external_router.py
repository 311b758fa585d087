"""Documents that another system keeps, over HTTP: pushed by its own ids."""

from fastapi import APIRouter, Response, status

from ai_svc.modules.documents.bodies import submission_body
from ai_svc.modules.documents.dependencies import (
    BODY_REFUSED,
    NO_BASIS,
    Writer,
    documents_for,
    read_document,
)
from ai_svc.modules.documents.exceptions import ExternalIdTaken
from ai_svc.modules.documents.intake import MAX_BODY_BYTES
from ai_svc.modules.documents.reads import DocumentRead
from ai_svc.modules.documents.schemas import FileFields, TextOrUrl
from ai_svc.modules.documents.upserting import (
    ByExternalId,
    ExternalSubmission,
    Upserted,
    upsert,
)
from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.workshop import CurrentWorkshop
from chassis.web.documentation import raises
from chassis.web.responses import success
from knowledge.quotas import QuotaExceeded
from shared_schemas.envelope import Success

router = APIRouter(prefix="/rag/documents/by-external-id", tags=["documents"])


@router.put(
    "/{external_id:path}",  # other systems' ids are paths and addresses, too
    status_code=status.HTTP_202_ACCEPTED,
    summary="Push a document by another system's id",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=submission_body(FileFields, TextOrUrl),
    responses={
        200: {"model": Success[DocumentRead], "description": "It says so already"},
        201: {"model": Success[DocumentRead], "description": "There was none of this name"},
        **BODY_REFUSED,
        **raises(
            QuotaExceeded(limit="51200 MB em arquivos"), ExternalIdTaken, ClientErased, NO_BASIS
        ),
    },
)
async def push_document(
    external_id: ByExternalId,
    actor: Writer,
    received: ExternalSubmission,
    workshop: CurrentWorkshop,
    response: Response,
) -> Success[DocumentRead]:
    """A file, a text or an address. New: a document (201). Another content: its next version, while
    the former is searched on (202). The same content: nothing happens (200).

    Tags, title and access list are taken over when they are sent. Safe to repeat, and to send twice
    at once. An address is fetched anew each time.
    """
    outcome = await upsert(workshop, actor, external_id, received)
    if outcome.done is Upserted.UNCHANGED:
        response.status_code = status.HTTP_200_OK
    elif outcome.done is Upserted.CREATED:
        response.status_code = status.HTTP_201_CREATED
    response.headers["location"] = f"/api/v1/rag/documents/{outcome.document_id}"
    database = workshop.database
    async with database.transaction(actor.organization_id, read_only=True) as session:
        documents = await documents_for(session, actor, received.fields.client_id)
        read = await read_document(documents, outcome.document_id, response)
    return success(actor, read)
