"""Chunks over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.modules.chunks.exceptions import ChunkNotFound, EditNotFound
from ai_svc.modules.chunks.repository import Chunks, EditState
from ai_svc.modules.chunks.schemas import (
    ChunkChange,
    ChunkEdited,
    ChunkRead,
    EditRead,
)
from ai_svc.modules.documents.dependencies import (
    NamedClient,
    Reader,
    absent,
    documents_for,
    read_document,
)
from ai_svc.modules.documents.reads import DocumentRead
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.dependencies import ReadTx, Tx
from chassis.web.errors import InvalidInput
from chassis.web.idempotency import IdempotentRoute
from chassis.web.pagination import ByCursor
from chassis.web.responses import success
from knowledge import editing
from knowledge.editing import EditAlreadyUndone, NewVersionUnderway
from knowledge.quotas import QuotaExceeded
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/rag", tags=["chunks"], route_class=IdempotentRoute)

Curator = Annotated[Actor, Depends(require(Permission.DOCUMENTS_CURATE))]

_QUOTA = QuotaExceeded(limit="51200 MB em arquivos")


@router.get(
    "/documents/{document_id}/chunks", summary="List a document's chunks", responses=absent()
)
async def list_chunks(
    document_id: UUID,
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    enabled: Annotated[
        bool | None, Query(description="Only what is found, or only what was switched off")
    ] = None,
    client_id: NamedClient = None,
) -> Success[list[ChunkRead]]:
    """Of the current version, in reading order."""
    document, _ = await (await documents_for(tx, actor, client_id)).get(document_id)
    rows = await Chunks(tx, document).list(page, enabled=enabled)
    return page.answer(actor, rows, ChunkRead.of, lambda chunk: (chunk.position,))


@router.get(
    "/documents/{document_id}/chunks/{chunk_id}",
    summary="Show a chunk",
    responses=absent(ChunkNotFound),
)
async def show_chunk(
    document_id: UUID,
    chunk_id: UUID,
    actor: Reader,
    tx: ReadTx,
    client_id: NamedClient = None,
) -> Success[ChunkRead]:
    """Its text, where that stands, and whether it is found."""
    document, _ = await (await documents_for(tx, actor, client_id)).get(document_id)
    return success(actor, ChunkRead.of(await Chunks(tx, document).get(chunk_id)))


@router.patch(
    "/documents/{document_id}/chunks/{chunk_id}",
    summary="Correct a chunk or switch it off",
    responses={
        202: {
            "model": Success[ChunkEdited],
            "description": "A version with the correction is on its way",
        },
        **absent(ChunkNotFound, NewVersionUnderway, InvalidInput, _QUOTA),
    },
)
async def change_chunk(
    document_id: UUID,
    chunk_id: UUID,
    body: ChunkChange,
    actor: Curator,
    tx: Tx,
    workshop: CurrentWorkshop,
    response: Response,
    client_id: NamedClient = None,
) -> Success[ChunkEdited]:
    """A correction makes a new version of the document, so quotes stay exact; until that is indexed
    the former text is searched. Switching off works at once.

    Both are remembered and hold in versions to come, as far as their text still stands there; a
    chunk's id is of one version.
    """
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, None)
    chunks = Chunks(tx, document)
    chunk = await chunks.get(chunk_id)
    if body.enabled is not None:
        await editing.switch(tx, actor, document, chunk, enabled=body.enabled)
    else:
        quota = workshop.settings.ingestion.quota
        text = body.text or ""
        await editing.correct(tx, actor, workshop.queue, document, chunk, text, quota)
        response.status_code = status.HTTP_202_ACCEPTED
    await tx.flush()
    changed = ChunkEdited(
        chunk=ChunkRead.of(await chunks.get(chunk_id)),
        document=await read_document(documents, document_id, response),
    )
    return success(actor, changed)


@router.get(
    "/documents/{document_id}/chunk-edits",
    summary="List what was edited in a document",
    responses=absent(),
)
async def list_edits(
    document_id: UUID,
    actor: Reader,
    tx: ReadTx,
    page: ByCursor,
    state: Annotated[
        EditState | None, Query(description="`not_found`: edits that meet nothing any more")
    ] = None,
    client_id: NamedClient = None,
) -> Success[list[EditRead]]:
    """Newest first: by whom, when, what it read and should read, and what became of it."""
    document, _ = await (await documents_for(tx, actor, client_id)).get(document_id)
    rows = await Chunks(tx, document).edits(page, state)
    return page.answer(actor, rows, EditRead.of, lambda row: (row[0].id,))


@router.post(
    "/documents/{document_id}/chunk-edits/{edit_id}/undo",
    summary="Undo an edit",
    responses={
        202: {
            "model": Success[DocumentRead],
            "description": "A version without the correction is on its way",
        },
        **absent(EditNotFound, EditAlreadyUndone, NewVersionUnderway, _QUOTA),
    },
)
async def undo_edit(
    document_id: UUID,
    edit_id: UUID,
    actor: Curator,
    tx: Tx,
    workshop: CurrentWorkshop,
    response: Response,
    client_id: NamedClient = None,
) -> Success[DocumentRead]:
    """As if it had not been made. What was switched off is found again at once; a correction goes
    with a new version."""
    documents = await documents_for(tx, actor, client_id)
    document = await documents.get_for_change(document_id, None)
    edit, _ = await Chunks(tx, document).edit(edit_id)
    before = document.latest_version
    quota = workshop.settings.ingestion.quota
    await editing.undo(tx, actor, workshop.queue, document, edit, quota)
    await tx.flush()
    if document.latest_version != before:
        response.status_code = status.HTTP_202_ACCEPTED
    return success(actor, await read_document(documents, document_id, response))
