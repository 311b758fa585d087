"""Checking quotes against the documents as they are now, character by character."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.rag.answering import Citation
from knowledge.models import Document
from shared_schemas.ids import OrganizationId


async def true_citations(
    session: AsyncSession, organization_id: OrganizationId, citations: Sequence[Citation]
) -> list[bool]:
    """Per citation whether its document still has the quote at its offsets.

    A document may have been deleted or replaced while a model was thinking.
    """
    statements = [
        sa.select(
            sa.literal(number).label("number"),
            # PostgreSQL counts characters from 1, in code points like Python.
            sa.func.substr(
                Document.content,
                citation.char_start + 1,
                citation.char_end - citation.char_start,
            ).label("stored"),
        ).where(Document.organization_id == organization_id, Document.id == citation.document_id)
        for number, citation in enumerate(citations)
    ]
    if not statements:
        return []
    stored = {row.number: row.stored for row in await session.execute(sa.union_all(*statements))}
    return [stored.get(number) == each.quote for number, each in enumerate(citations)]
