"""Documents over HTTP."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.modules.documents.intake import MAX_BODY_BYTES, Submission
from ai_svc.modules.documents.repository import DocumentFilter, Documents, Found
from ai_svc.modules.documents.schemas import DocumentRead, FileFields, TextOrUrl
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.etag import set_etag
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import PageNumber, Paging
from chassis.web.responses import success
from knowledge import deletion, submission
from knowledge.access import reader_of
from knowledge.models import DocumentStatus, SourceType
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.errors import Failure
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag/documents", tags=["documents"], route_class=IdempotentRoute)

Reader = Annotated[Actor, Depends(require(Permission.DOCUMENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.DOCUMENTS_WRITE))]
Deleter = Annotated[Actor, Depends(require(Permission.DOCUMENTS_DELETE))]

NamedClient = Annotated[
    UUID | None, Query(description="The client whose documents are meant, too (needs clients:read)")
]
MAX_VERSION: Final = 2**31 - 1

_FILE: Final = {"file": {"type": "string", "format": "binary"}}


def _form_schema() -> dict[str, Any]:
    schema = FileFields.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    schema["properties"] = {**_FILE, **schema["properties"]}
    schema["required"] = ["file"]
    return schema


def _json_schema() -> dict[str, Any]:
    schema = TextOrUrl.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _form_schema()},
            "application/json": {"schema": _json_schema()},
        },
    }
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    413: {"model": Failure, "description": "The file or text is larger than accepted"},
    415: {"model": Failure, "description": "Neither form nor JSON, or a file of another format"},
}


@router.post(
    "",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Submit a document",
    max_body_size=MAX_BODY_BYTES,
    openapi_extra=_BODY,
    responses=_REFUSED,
)
async def submit_document(
    actor: Writer, received: Submission, tx: Tx, response: Response
) -> Success[DocumentRead]:
    """A file (txt, Markdown, HTML, PDF, DOCX), a text or an address.

    It is processed in the background: follow `status` and `progress` until `indexed` or `failed`.
    """
    submitted = await submission.submit(
        tx,
        actor,
        received.take(),
        title=received.fields.title,
        chunking=received.fields.chunking,
        language=received.fields.language,
        tags=received.fields.tags,
        upload=received.upload,
    )
    document = submitted.document
    set_etag(response, document.version)
    response.headers["location"] = f"/api/v1/rag/documents/{document.id}"
    return success(actor, DocumentRead.of((document, submitted.version), None))


@router.get("", summary="List documents")
async def list_documents(
    actor: Reader,
    tx: ReadTx,
    paging: Paging,
    status: DocumentStatus | None = None,
    source_type: SourceType | None = None,
    tag: Annotated[str | None, Query(max_length=50)] = None,
    client_id: NamedClient = None,
) -> Success[list[DocumentRead]]:
    """Newest first; by cursor, or by page number with totals."""
    documents = await _documents(tx, actor, client_id)
    which = DocumentFilter(status, source_type, tag.lower() if tag else None)
    rows = await documents.list(which, paging)
    jobs = await documents.latest_jobs([document.id for document, _ in rows])

    def read(found: Found) -> DocumentRead:
        return DocumentRead.of(found, jobs.get(found[0].id))

    if isinstance(paging, PageNumber):
        return paging.answer(actor, rows, read, total=await documents.count(which))
    return paging.answer(actor, rows, read, lambda found: (found[0].created_at, found[0].id))


@router.get("/{document_id}", summary="Show a document")
async def read_document(
    document_id: UUID, actor: Reader, tx: ReadTx, response: Response, client_id: NamedClient = None
) -> Success[DocumentRead]:
    """Its state and progress, with its version as `ETag`. Every change of state is a version."""
    return success(actor, await _read(tx, actor, document_id, response, client_id))


@router.get(
    "/{document_id}/content",
    summary="Read a document's text",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
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
    content = await (await _documents(tx, actor, client_id)).content(document_id, version)
    return Response(content.encode(), media_type="text/plain; charset=utf-8")


@router.delete(
    "/{document_id}", status_code=status.HTTP_204_NO_CONTENT, summary="Delete a document"
)
async def delete_document(
    document_id: UUID,
    actor: Deleter,
    workshop: CurrentWorkshop,
    seen_version: IfMatch,
    client_id: NamedClient = None,
) -> None:
    """In any state, with every version and everything derived from it. What is about a client also
    when consent to read it no longer stands."""
    async with workshop.database.transaction(actor.organization_id) as session:
        documents = await _documents(session, actor, client_id)
        document = await documents.get_for_change(document_id, seen_version, to_erase=True)
        deleted = await deletion.delete(session, document)
    await deletion.clear_traces(workshop.database, workshop.storage, deleted)


@router.post("/{document_id}/cancel", summary="Stop processing a document")
async def cancel_document(
    document_id: UUID,
    actor: Writer,
    tx: Tx,
    workshop: CurrentWorkshop,
    seen_version: IfMatch,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """Also while a worker is at it: nothing of what it has done so far is kept. A version that was
    searched before is searched on."""
    documents = await _documents(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    await submission.cancel(tx, workshop.queue, document)
    await tx.flush()
    return success(actor, await _read(tx, actor, document_id, response, client_id))


@router.post(
    "/{document_id}/retry",
    status_code=status.HTTP_202_ACCEPTED,
    summary="Process a document again",
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
    documents = await _documents(tx, actor, client_id)
    document = await documents.get_for_change(document_id, seen_version)
    await submission.retry(tx, actor, document)
    await tx.flush()
    return success(actor, await _read(tx, actor, document_id, response, client_id))


async def _documents(tx: ReadTx, actor: Actor, client_id: UUID | None) -> Documents:
    return Documents(tx, await reader_of(tx, actor), client_id)


async def _read(
    tx: ReadTx, actor: Actor, document_id: UUID, response: Response, client_id: UUID | None
) -> DocumentRead:
    documents = await _documents(tx, actor, client_id)
    found = await documents.get(document_id)
    jobs = await documents.latest_jobs([document_id])
    set_etag(response, found[0].version)
    return DocumentRead.of(found, jobs.get(document_id))
