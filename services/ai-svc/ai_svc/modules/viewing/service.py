"""Finding the place of a citation."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.repository import Documents
from ai_svc.modules.viewing import repository
from ai_svc.modules.viewing.exceptions import NoPageImages, PageNotFound, PassageNotFound
from ai_svc.modules.viewing.schemas import NeighbourRead, SpanRead, ViewRead
from knowledge.models import DocumentVersion
from knowledge.page_images import Mark, mark_on_page
from knowledge.parsing.sniffing import Format
from shared_schemas.ids import OrganizationId

AROUND: Final = 1_500
"""Characters shown before and after a passage."""
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """A chunk, or a stretch of a version (of the current one when none is named)."""

    document_id: UUID
    chunk_id: UUID | None = None
    version: int | None = None
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page to be drawn."""

    storage_key: str
    version: int
    mark: Mark | None


async def view(
    session: AsyncSession, organization_id: OrganizationId, documents: Documents, wanted: Wanted
) -> ViewRead:
    """Raises what `Documents.version` does, and PassageNotFound."""
    number, start, end = await _located(session, organization_id, documents, wanted)
    document, version = await documents.version(wanted.document_id, number)
    around = await repository.window(
        session,
        organization_id,
        document.id,
        number,
        max(0, start - AROUND),
        min(end, start + LONGEST) + AROUND,
    )
    if end > around.length:
        raise PassageNotFound
    before = after = None
    if number == document.current_version:
        before, after = await repository.neighbours(
            session, organization_id, document.id, start, end
        )
    page = around.outline.page_at(start)
    return ViewRead(
        document_id=document.id,
        version=number,
        is_current=number == document.current_version,
        title=document.title,
        text=around.text,
        char_start=around.char_start,
        char_end=around.char_start + len(around.text),
        passage=SpanRead(char_start=start, char_end=end),
        heading=around.outline.heading_at(start),
        page=page,
        page_count=version.page_count,
        previous=_neighbour(before),
        next=_neighbour(after),
        page_image=_image(document.id, number, page, start, end) if _is_pdf(version) else None,
    )


async def page_to_draw(
    session: AsyncSession,
    organization_id: OrganizationId,
    documents: Documents,
    wanted: Wanted,
    page: int,
) -> Page:
    """Raises what `Documents.version` does, NoPageImages, PageNotFound."""
    number = wanted.version or await _current(documents, wanted.document_id)
    _, version = await documents.version(wanted.document_id, number)
    key = version.storage_key
    if key is None or not _is_pdf(version):
        raise NoPageImages
    if not 0 < page <= (version.page_count or 0):
        raise PageNotFound
    mark = None
    if wanted.start is not None and wanted.end is not None:
        whole = await repository.window(
            session, organization_id, wanted.document_id, number, 0, version.character_count or 0
        )
        starts = whole.outline.page_starts
        mark = mark_on_page(whole.text, starts, page, wanted.start, wanted.end)
    return Page(key, number, mark)


async def _located(
    session: AsyncSession, organization_id: OrganizationId, documents: Documents, wanted: Wanted
) -> tuple[int, int, int]:
    """Version, start and end of the passage."""
    if wanted.chunk_id is not None:
        await documents.get(wanted.document_id)  # who may not read it is not told of its chunks
        chunk = await repository.chunk_of(
            session, organization_id, wanted.document_id, wanted.chunk_id
        )
        if chunk is None:
            raise PassageNotFound
        return chunk.version_number, chunk.char_start, chunk.char_end
    number = wanted.version or await _current(documents, wanted.document_id)
    start, end = wanted.start or 0, wanted.end or 0
    if start >= end:
        raise PassageNotFound
    return number, start, end


async def _current(documents: Documents, document_id: UUID) -> int:
    document, _ = await documents.get(document_id)
    if document.current_version is None:
        raise PassageNotFound
    return document.current_version


def _is_pdf(version: DocumentVersion) -> bool:
    return version.mime_type == Format.PDF.value and version.storage_key is not None


def _image(document_id: UUID, version: int, page: int | None, start: int, end: int) -> str | None:
    if page is None:
        return None
    return (
        f"/api/v1/rag/documents/{document_id}/pages/{page}/image"
        f"?version={version}&start={start}&end={end}"
    )


def _neighbour(row: Any | None) -> NeighbourRead | None:
    if row is None:
        return None
    return NeighbourRead(
        chunk_id=row.id, heading=row.heading, char_start=row.char_start, char_end=row.char_end
    )
