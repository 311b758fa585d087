"""Documents over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from ai_svc.desk import CurrentDesk
from ai_svc.modules.chat import service as chat
from ai_svc.modules.documents.bodies import submission_body
from ai_svc.modules.documents.changing import change
from ai_svc.modules.documents.dependencies import (
    BODY_REFUSED,
    MAX_VERSION,
    NO_BASIS,
    Deleter,
    NamedClient,
    Reader,
    Writer,
    absent,
    documents_for,
    read_document,
)
from ai_svc.modules.documents.exceptions import ContentNotReady, ExternalIdTaken, VersionNotFound
from ai_svc.modules.documents.filing import require_basis
from ai_svc.modules.documents.intake import MAX_BODY_BYTES, Submission
from ai_svc.modules.documents.reads import DocumentRead
from ai_svc.modules.documents.repository import DocumentFilter, Found
from ai_svc.modules.documents.schemas import (
    MAX_EXTERNAL_ID,
    DocumentChange,
    FileFields,
    TextOrUrl,
)
from ai_svc.modules.documents.submitting import submit_as_said
from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.workshop import CurrentWorkshop
from chassis.messaging import outbox
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import PageNumber, Paging
from chassis.web.responses import success
from knowledge import deletion, submission
from knowledge.models import DocumentStatus, SourceType
from knowledge.quotas import QuotaExceeded
from knowledge.submission import DocumentNotCancellable, DocumentNotRetryable
from shared_schemas.envelope import Success
from shared_schemas.events import DocumentDeleted

router = APIRouter(prefix="/rag/documents", tags=["documents"], route_class=IdempotentRoute)

_QUOTA = QuotaExceeded(limit="100000 documentos")


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Submit a document",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=submission_body(FileFields, TextOrUrl),
    responses={
        200: {
            "model": Success[DocumentRead],
            "description": "A document says the same to the same people already: `duplicate_of`",
        },
        **BODY_REFUSED,
        **raises(_QUOTA, ExternalIdTaken, ClientErased, NO_BASIS),
    },
)
async def submit_document(
    actor: Writer, received: Submission, tx: Tx, workshop: CurrentWorkshop, response: Response
) -> Success[DocumentRead]:
    """A file, a text or an address.

    Files: PDF, DOCX, XLSX, PPTX, ODT, RTF, EPUB, HTML, Markdown, plain text, CSV, mail (EML, MSG),
    pictures (PNG, JPEG, TIFF, WebP) and ZIP archives of those, whose members become one document.
    The content decides, not the name. Pictures and scanned pages need Tesseract on the worker; the
    document ends `failed` with `DOCUMENT_NEEDS_OCR` where there is none, or, where other pages have
    text, says in `notice` how many were left out.

    It is processed in the background: follow `status` and `progress` until `indexed` or `failed`.
    What is in the knowledge base already, for the same people, is answered with that document and
    200, unless `allow_duplicate` is set.
    """
    quota = workshop.settings.ingestion.quota
    submitted = await submit_as_said(
        tx, actor, received.source, received.fields, received.upload, quota
    )
    document = submitted.document
    read = DocumentRead.of((document, submitted.version), None)
    if submitted.is_duplicate:
        response.status_code = status.HTTP_200_OK
        read = read.as_duplicate()
    else:
        received.take()
    set_etag(response, document.version)
    response.headers["location"] = f"/api/v1/rag/documents/{document.id}"
    return success(actor, read)


@router.get("", summary="List documents")
async def list_documents(
    actor: Reader,
    tx: ReadTx,
    paging: Paging,
    status: Annotated[DocumentStatus | None, Query(description="Of the newest version")] = None,
    source_type: Annotated[SourceType | None, Query(description="Where it comes from")] = None,
    tag: Annotated[str | None, Query(max_length=50, description="Has this label")] = None,
    external_id: Annotated[
        str | None, Query(max_length=MAX_EXTERNAL_ID, description="Is called so by another system")
    ] = None,
    client_id: NamedClient = None,
) -> Success[list[DocumentRead]]:
    """Those the caller may read, newest first; by cursor, or by page number with totals."""
    documents = await documents_for(tx, actor, client_id)
    which = DocumentFilter(status, source_type, tag.lower() if tag else None, external_id)
    rows = await documents.list(which, paging)
    jobs = await documents.latest_jobs([document.id for document, _ in rows])

    def read(found: Found) -> DocumentRead:
        return DocumentRead.of(found, jobs.get(found[0].id))

    if isinstance(paging, PageNumber):
        return paging.answer(actor, rows, read, total=await documents.count(which))
    return paging.answer(actor, rows, read, lambda found: (found[0].created_at, found[0].id))


@router.get("/{document_id}", summary="Show a document", responses=absent())
async def show_document(
    document_id: UUID, actor: Reader, tx: ReadTx, response: Response, client_id: NamedClient = None
) -> Success[DocumentRead]:
    """Its state and progress, with its version as `ETag`. Every change of state is a version."""
    documents = await documents_for(tx, actor, client_id)
    return success(actor, await read_document(documents, document_id, response))


@router.patch(
    "/{document_id}",
    summary="Change a document",
    responses=absent(ExternalIdTaken, ClientErased, NO_BASIS),
)
async def change_document(
    document_id: UUID,
    body: DocumentChange,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """What it is called and whom it is for, from the very next search on.

    The words of a new title weigh in searches once the document is processed again.
    """
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    _, shown = await documents.get(document_id)
    change(tx, actor, document, body)
    await require_basis(tx, actor.organization_id, document)
    await tx.flush()
    jobs = await documents.latest_jobs([document_id])
    set_etag(response, document.version)
    return success(actor, DocumentRead.of((document, shown), jobs.get(document_id)))


@router.get(
    "/{document_id}/content",
    summary="Read a document's text",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **absent(VersionNotFound, ContentNotReady),
    },
)
async def read_content(
    document_id: UUID,
    actor: Reader,
    tx: ReadTx,
    version: Annotated[
        int | None, Query(ge=1, le=MAX_VERSION, description="Without one: what is searched now")
    ] = None,
    client_id: NamedClient = None,
) -> Response:
    """The normalised text of a version, which stays as it is until the document is deleted.

    Every `char_start` and `char_end` counts its Unicode code points.
    """
    content = await (await documents_for(tx, actor, client_id)).content(document_id, version)
    return Response(content.encode(), media_type="text/plain; charset=utf-8")


@router.delete(
    "/{document_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a document",
    responses=absent(),
)
async def delete_document(
    document_id: UUID,
    actor: Deleter,
    workshop: CurrentWorkshop,
    desk: CurrentDesk,
    seen_version: IfMatch,
    client_id: NamedClient = None,
) -> None:
    """In any state, with every version and everything derived from it.

    What is about a client also when the consent to read it no longer stands.
    """
    async with workshop.database.transaction(actor.organization_id) as session:
        documents = await documents_for(session, actor, client_id)
        document = await documents.get_for_change(document_id, seen_version, to_erase=True)
        at_hand = await chat.standing_on(session, actor.organization_id, document_id)
        deleted = await deletion.delete(session, document)
        outbox.add(session, DocumentDeleted.by(actor, document_id=document_id))
    await chat.let_go(desk, at_hand)
    await deletion.clear_traces(workshop.database, workshop.storage, deleted)


@router.post(
    "/{document_id}/cancel",
    summary="Stop processing a document",
    responses=absent(DocumentNotCancellable),
)
async def cancel_document(
    document_id: UUID,
    actor: Writer,
    tx: Tx,
    workshop: CurrentWorkshop,
    seen_version: IfMatch,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """Also while a worker is at it: nothing of what it has done so far is kept.

    A version that was searched before is searched on.
    """
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    await submission.cancel(tx, workshop.queue, document)
    await tx.flush()
    return success(actor, await read_document(documents, document_id, response))


@router.post(
    "/{document_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Process a document again",
    responses=absent(DocumentNotRetryable),
)
async def retry_document(
    document_id: UUID,
    actor: Writer,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """One whose newest version failed or was cancelled goes back into the queue."""
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    await submission.retry(tx, actor, document)
    await tx.flush()
    return success(actor, await read_document(documents, document_id, response))
