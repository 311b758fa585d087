"""Checking quotes against the documents as they are now, and saying where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.rag.answering import Citation
from knowledge.models import DocumentVersion
from knowledge.outline import Outline
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its document a quote stands. Its chunk may begin pages and headings earlier."""

    page: int | None
    heading: str | None


async def places_of(
    session: AsyncSession, organization_id: OrganizationId, citations: Sequence[Citation]
) -> list[Place | None]:
    """Per citation its place, or None when its document has not the quote at its offsets.

    A document may have been deleted while a model was thinking. One that has got another version
    is still cited in the version that was read.
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
        ).where(
            DocumentVersion.organization_id == organization_id,
            DocumentVersion.document_id == citation.passage.document_id,
            DocumentVersion.number == citation.passage.version,
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
