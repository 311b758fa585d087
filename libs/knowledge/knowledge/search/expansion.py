"""More of the document around a passage: its neighbours, or the section it stands in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.access import Reader
from knowledge.models import Chunk, DocumentVersion
from knowledge.search.conditions import of_readable
from knowledge.search.passages import Expansion, Passage, SearchFilters, Surroundings

LONGEST: Final = 12_000
"""Characters of a section; a longer one is left out from its ends."""


async def expanded(
    session: AsyncSession,
    reader: Reader,
    filters: SearchFilters,
    passages: Sequence[Passage],
    expansion: Expansion,
) -> list[Passage]:
    """The passages with their surroundings: one query, whatever their number."""
    if expansion is Expansion.NONE or not passages:
        return list(passages)
    around = await _stretches(session, reader, filters, passages, expansion)
    contents = await _contents(session, reader, passages, around)
    return [
        replace(passage, surroundings=contents.get(number))
        for number, passage in enumerate(passages)
    ]


async def _stretches(
    session: AsyncSession,
    reader: Reader,
    filters: SearchFilters,
    passages: Sequence[Passage],
    expansion: Expansion,
) -> dict[int, tuple[int, int]]:
    """Number of a passage → where its surroundings begin and end.

    A stretch ends where a chunk is missing: what was switched off does not come back as context.
    """
    rows = await session.execute(
        sa.select(
            Chunk.document_id,
            Chunk.id,
            Chunk.position,
            Chunk.heading,
            Chunk.char_start,
            Chunk.char_end,
        )
        .where(
            Chunk.organization_id == reader.organization_id,
            Chunk.document_id.in_({passage.document_id for passage in passages}),
            of_readable(Chunk.document_id, reader, filters),
            Chunk.enabled,
        )
        .order_by(Chunk.document_id, Chunk.position)
    )
    of_document: dict[UUID, list[sa.Row[UUID, UUID, int, str | None, int, int]]] = {}
    for row in rows:
        of_document.setdefault(row.document_id, []).append(row)
    found: dict[int, tuple[int, int]] = {}
    for number, passage in enumerate(passages):
        chunks = of_document.get(passage.document_id, [])
        places = [place for place, row in enumerate(chunks) if row.id == passage.chunk_id]
        if places:
            found[number] = _stretch(chunks, places[0], expansion)
    return found


def _stretch(
    chunks: Sequence[sa.Row[UUID, UUID, int, str | None, int, int]],
    place: int,
    expansion: Expansion,
) -> tuple[int, int]:
    most = 1 if expansion is Expansion.NEIGHBOURS else len(chunks)
    own = chunks[place]
    start, end = own.char_start, own.char_end
    for step in (-1, 1):
        for distance in range(1, most + 1):
            at = place + step * distance
            if not 0 <= at < len(chunks):
                break
            other = chunks[at]
            wider = (min(start, other.char_start), max(end, other.char_end))
            if (
                other.position != own.position + step * distance
                or (expansion is Expansion.SECTION and other.heading != own.heading)
                or wider[1] - wider[0] > LONGEST
            ):
                break
            start, end = wider
    return start, end


async def _contents(
    session: AsyncSession,
    reader: Reader,
    passages: Sequence[Passage],
    around: dict[int, tuple[int, int]],
) -> dict[int, Surroundings]:
    """From the version the passage is of: its offsets are that version's."""
    statements = [
        sa.select(
            sa.literal(number).label("number"),
            # PostgreSQL counts characters from 1, in code points like Python.
            sa.func.substr(DocumentVersion.content, start + 1, end - start).label("content"),
        ).where(
            DocumentVersion.organization_id == reader.organization_id,
            DocumentVersion.document_id == passages[number].document_id,
            DocumentVersion.number == passages[number].version,
        )
        for number, (start, end) in around.items()
    ]
    if not statements:
        return {}
    rows = await session.execute(sa.union_all(*statements))
    return {row.number: Surroundings(row.content, *around[row.number]) for row in rows}
