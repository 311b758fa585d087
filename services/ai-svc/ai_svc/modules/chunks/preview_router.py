"""Trying out how a text is cut, over HTTP. Nothing is stored, so nothing needs to be idempotent."""

import asyncio

from fastapi import APIRouter

from ai_svc.modules.chunks.previewing import preview_content, preview_text
from ai_svc.modules.chunks.repository import Chunks
from ai_svc.modules.chunks.schemas import Preview, PreviewRequest
from ai_svc.modules.documents.dependencies import NamedClient, Reader, absent, documents_for
from ai_svc.modules.documents.exceptions import ContentNotReady
from ai_svc.workshop import CurrentWorkshop
from chassis.web.responses import success
from knowledge.chunking import Cutting
from knowledge.failures import EmptyDocument, UnsupportedType, refused_for
from knowledge.parsing.causes import ParsingFailure
from shared_schemas.envelope import Success

router = APIRouter(prefix="/rag", tags=["chunks"])


@router.post(
    "/chunk-preview",
    summary="Try out how a text is cut",
    responses=absent(ContentNotReady, EmptyDocument, UnsupportedType),
)
async def preview_chunks(
    body: PreviewRequest,
    actor: Reader,
    workshop: CurrentWorkshop,
    client_id: NamedClient = None,
) -> Success[Preview]:
    """Of a text sent along, or of a document's current version (its first 500,000 characters).

    Nothing is stored; corrections are in the document's text already.
    """
    cutting = Cutting.read(body.cutting)
    if body.document_id is None:
        try:
            shown = await asyncio.to_thread(
                preview_text, body.text or "", body.title, cutting, body.limit
            )
        except ParsingFailure as failure:
            raise refused_for(failure.cause) from failure
        return success(actor, shown)
    async with workshop.database.transaction(actor.organization_id, read_only=True) as session:
        documents = await documents_for(session, actor, client_id)
        content = await documents.content(body.document_id)
        document, _ = await documents.get(body.document_id)
        outline = await Chunks(session, document).outline()
        title = body.title or document.title
    shown = await asyncio.to_thread(preview_content, content, outline, title, cutting, body.limit)
    return success(actor, shown)
