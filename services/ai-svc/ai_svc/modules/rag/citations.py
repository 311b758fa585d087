"""Checking quotes against the versions they cite, and saying where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.rag.quotes import Citation
from knowledge.access import Reader, readable
from knowledge.models import Document, DocumentVersion
from knowledge.outline import Outline


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its document a quote stands. Its chunk may begin pages and headings earlier."""

    page: int | None
    heading: str | None


async def places_of(
    session: AsyncSession,
    reader: Reader,
    citations: Sequence[Citation],
    *,
    client_id: UUID | None = None,
) -> list[Place | None]:
    """Per citation its place, or None when the version has not the quote at its offsets.

    A document may have been deleted, or closed to the reader, while a model was thinking. One that
    has got another version is still cited in the version that was read.
    """
    statements = [
        sa.select(
            sa.literal(number).label("number"),
            # PostgreSQL counts characters from 1, in code points like Python.
            sa.func.substr(
                DocumentVersion.content,
                citation.char_start + 1,
                citation.char_end - citation.char_start,
            ).label("stored"),
            DocumentVersion.outline,
        )
        .join(
            Document,
            sa.and_(
                Document.organization_id == DocumentVersion.organization_id,
                Document.id == DocumentVersion.document_id,
            ),
        )
        .where(
            DocumentVersion.organization_id == reader.organization_id,
            DocumentVersion.document_id == citation.passage.document_id,
            DocumentVersion.number == citation.passage.version,
            readable(reader, client_id),
        )
        for number, citation in enumerate(citations)
    ]
    if not statements:
        return []
    found = {row.number: row for row in await session.execute(sa.union_all(*statements))}
    return [_place(found.get(number), citation) for number, citation in enumerate(citations)]


def _place(row: Any, citation: Citation) -> Place | None:
    if row is None or row.stored != citation.quote:
        return None
    outline = Outline.read(row.outline)
    start = citation.char_start
    return Place(outline.page_at(start), outline.heading_at(start))
