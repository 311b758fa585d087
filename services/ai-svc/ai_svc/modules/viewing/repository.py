"""What is shown of a version, and the chunks beside a passage."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.models import Chunk, DocumentVersion
from knowledge.outline import Outline
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a version's text, and the version's outline."""

    text: str
    char_start: int
    length: int  # of the whole text
    outline: Outline


async def chunk_of(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID, chunk_id: UUID
) -> Any | None:
    """`version_number`, `char_start` and `char_end`; None unless the document has the chunk."""
    found = await session.execute(
        sa.select(Chunk.version_number, Chunk.char_start, Chunk.char_end).where(
            Chunk.organization_id == organization_id,
            Chunk.document_id == document_id,
            Chunk.id == chunk_id,
        )
    )
    return found.one_or_none()


async def window(
    session: AsyncSession,
    organization_id: OrganizationId,
    document_id: UUID,
    number: int,
    start: int,
    end: int,
) -> Window:
    """`content[start:end]` of the version, as far as it goes that far."""
    content = DocumentVersion.content
    row = (
        await session.execute(
            sa.select(
                sa.func.substr(content, start + 1, end - start).label("text"),
                sa.func.length(content).label("length"),
                DocumentVersion.outline,
            ).where(
                DocumentVersion.organization_id == organization_id,
                DocumentVersion.document_id == document_id,
                DocumentVersion.number == number,
            )
        )
    ).one()
    return Window(row.text, start, row.length, Outline.read(row.outline))


async def neighbours(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID, start: int, end: int
) -> tuple[Any | None, Any | None]:
    """The chunks that end before the one `start` is in, and begin after the one `end` is in."""
    columns = sa.select(Chunk.id, Chunk.position, Chunk.heading, Chunk.char_start, Chunk.char_end)
    rows: Sequence[Any] = (
        await session.execute(
            columns.where(
                Chunk.organization_id == organization_id, Chunk.document_id == document_id
            ).order_by(Chunk.position)
        )
    ).all()
    inside = [
        place for place, row in enumerate(rows) if row.char_start < end > start < row.char_end
    ]
    if not inside:
        return None, None
    first, last = inside[0], inside[-1]
    before = rows[first - 1] if first else None
    after = rows[last + 1] if last + 1 < len(rows) else None
    return before, after
