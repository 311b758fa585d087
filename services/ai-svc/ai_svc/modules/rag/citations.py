"""Checking quotes against the versions they cite, and saying where they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.rag.quotes import Citation
from chassis.data.compiled import CompiledStatement, rows
from knowledge.access import Reader, readable
from knowledge.models import Document, DocumentVersion
from knowledge.outline import Outline

_KEPT: Final = 100


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
    if not citations:
        return []
    asked = {
        "documents": [each.passage.document_id for each in citations],
        "versions": [each.passage.version for each in citations],
        # PostgreSQL counts characters from 1, in code points like Python.
        "starts": [each.char_start + 1 for each in citations],
        "lengths": [each.char_end - each.char_start for each in citations],
    }
    found = {
        row.number: row for row in await rows(session, _stored_quotes(reader, client_id), asked)
    }
    return [_place(found.get(number), each) for number, each in enumerate(citations, start=1)]


@lru_cache(maxsize=_KEPT)
def _stored_quotes(reader: Reader, client_id: UUID | None) -> CompiledStatement:
    """What stands in the stored versions at the places asked for, as far as it may be read."""
    asked = (
        sa.func.unnest(
            *(
                sa.cast(sa.bindparam(name, type_=ARRAY(kind)), ARRAY(kind))
                for name, kind in (
                    ("documents", sa.Uuid()),
                    ("versions", sa.Integer()),
                    ("starts", sa.Integer()),
                    ("lengths", sa.Integer()),
                )
            )
        )
        .table_valued("document_id", "version", "start", "length", with_ordinality="number")
        .render_derived("asked")
    ).c
    return CompiledStatement(
        sa.select(
            asked.number,
            sa.func.substr(DocumentVersion.content, asked.start, asked.length).label("stored"),
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
            DocumentVersion.document_id == asked.document_id,
            DocumentVersion.number == asked.version,
            readable(reader, client_id),
        )
    )


def _place(row: Any, citation: Citation) -> Place | None:
    if row is None or row.stored != citation.quote:
        return None
    outline = Outline.read(row.outline)
    start = citation.char_start
    return Place(outline.page_at(start), outline.heading_at(start))
