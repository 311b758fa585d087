"""Citations in their place, over HTTP."""

import hashlib
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from ai_svc.modules.documents.dependencies import (
    MAX_VERSION,
    NamedClient,
    Reader,
    absent,
    documents_for,
)
from ai_svc.modules.documents.exceptions import VersionNotFound
from ai_svc.modules.viewing import service
from ai_svc.modules.viewing.exceptions import (
    NoPageImages,
    PageNotDrawn,
    PageNotFound,
    PassageNotFound,
    TooManyPages,
)
from ai_svc.modules.viewing.page_images import CurrentArtist
from ai_svc.modules.viewing.schemas import ViewRead
from ai_svc.modules.viewing.service import Wanted
from ai_svc.workshop import CurrentWorkshop
from chassis.web.dependencies import ReadTx
from chassis.web.errors import InvalidInput
from chassis.web.responses import success
from shared_schemas.envelope import Success

router = APIRouter(prefix="/rag/documents", tags=["documents"])

_DRAWING: Final = "2"
"""Changes when the same passage would be drawn differently."""
_PNG: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The page",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "As the caller has it"},
}

Number = Annotated[
    int | None, Query(ge=1, le=MAX_VERSION, description="Version; without one the current one")
]
Start = Annotated[int | None, Query(ge=0, le=MAX_VERSION, description="char_start of the passage")]
End = Annotated[int | None, Query(ge=1, le=MAX_VERSION, description="char_end of the passage")]


@router.get(
    "/{document_id}/view",
    summary="Show a citation where it stands",
    responses=absent(VersionNotFound, PassageNotFound, InvalidInput()),
)
async def view_passage(
    document_id: UUID,
    actor: Reader,
    tx: ReadTx,
    chunk: Annotated[UUID | None, Query(description="Of the current version")] = None,
    version: Number = None,
    start: Start = None,
    end: End = None,
    client_id: NamedClient = None,
) -> Success[ViewRead]:
    """The text around a chunk, or around `start` and `end` of a version, as citations name them:
    also of a version that is no longer current. For PDFs with the address of the page's picture.
    """
    if chunk is None and (start is None or end is None):
        raise InvalidInput.on("query.chunk", "Informe chunk, ou start e end.", "missing")
    documents = await documents_for(tx, actor, client_id)
    wanted = Wanted(document_id, chunk, version, start, end)
    return success(actor, await service.view(tx, actor.organization_id, documents, wanted))


@router.get(
    "/{document_id}/pages/{page}/image",
    summary="Show a page with a passage boxed",
    response_class=Response,
    responses={
        **_PNG,
        **absent(VersionNotFound, PageNotFound, NoPageImages, PageNotDrawn, TooManyPages()),
    },
)
async def draw_page(
    document_id: UUID,
    page: Annotated[int, Path(ge=1, le=100_000, description="From 1")],
    actor: Reader,
    workshop: CurrentWorkshop,
    artist: CurrentArtist,
    version: Number = None,
    start: Start = None,
    end: End = None,
    client_id: NamedClient = None,
    if_none_match: Annotated[str | None, Header(max_length=1_000)] = None,
) -> Response:
    """A PNG of a page of a PDF. May be kept, but has to be asked for again: who may read a document
    changes.
    """
    organization_id = actor.organization_id
    async with workshop.database.transaction(organization_id, read_only=True) as session:
        documents = await documents_for(session, actor, client_id)
        wanted = Wanted(document_id, None, version, start, end)
        found = await service.page_to_draw(session, organization_id, documents, wanted, page)
    facts = (_DRAWING, document_id, found.version, page, start, end)
    tag = f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": "private, no-cache", "vary": "authorization"}
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers=headers)
    picture = await artist.draw(found.storage_key, page, found.mark)
    return Response(picture, media_type="image/png", headers=headers)
