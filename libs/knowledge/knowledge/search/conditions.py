"""Which chunks a search may look at: of documents the reader may read, and what the filters say."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from knowledge.access import Reader, readable, spelt_out
from knowledge.models import Chunk, Document, DocumentVersion, Visibility
from knowledge.outline import PATH_SEPARATOR
from knowledge.search.passages import SearchFilters
from knowledge.sources.models import SourceItem
from shared_schemas.permissions import Permission

Condition = sa.ColumnElement[bool]


def of_readable(
    document_id: sa.ColumnElement[UUID] | InstrumentedAttribute[UUID],
    reader: Reader,
    filters: SearchFilters,
) -> Condition:
    """Of which documents a row may be. Every leg says it before it leaves anything out.

    Most documents are for everybody: who asks for nothing else is told which ones are not, and
    those have an index. What is found is checked by `readable` itself once more.
    """
    asked = _asked(filters)
    if not asked and Permission.DOCUMENTS_READ in reader.permissions:
        return document_id.not_in(_hidden(reader, filters))
    return document_id.in_(
        sa.select(Document.id).where(readable(reader, filters.client_id), *asked)
    )


def _hidden(reader: Reader, filters: SearchFilters) -> sa.Select[UUID]:
    may_read = sa.func.coalesce(readable(reader, filters.client_id), sa.false())
    return sa.select(Document.id).where(
        Document.organization_id == reader.organization_id,
        Document.visibility != spelt_out(Visibility.ORGANIZATION),
        sa.not_(may_read),
    )


def _asked(filters: SearchFilters) -> list[Condition]:
    """What the filters say of documents."""
    found: list[Condition] = []
    if filters.document_ids:
        found.append(Document.id.in_(filters.document_ids))
    if filters.source_types:
        found.append(Document.source_type.in_(filters.source_types))
    if filters.source_ids:
        found.append(_brought_by(filters.source_ids))
    if filters.tags:
        found.append(Document.tags.overlap(list(filters.tags)))
    if filters.created_from is not None:
        found.append(Document.created_at >= filters.created_from)
    if filters.created_to is not None:
        found.append(Document.created_at < filters.created_to)
    if filters.formats:
        found.append(_of_format(filters.formats))
    return found


def of_chunks(filters: SearchFilters) -> list[Condition]:
    """What is said of chunks themselves: above all, that nobody switched them off."""
    found: list[Condition] = [Chunk.enabled.is_(True)]
    if filters.document_ids:
        # Also said of documents: here it finds the index.
        found.append(Chunk.document_id.in_(filters.document_ids))
    if filters.language is not None:
        found.append(Chunk.language == filters.language)
    if filters.heading is not None:
        found.append(_under(filters.heading))
    return found


def restricts_chunks(filters: SearchFilters) -> bool:
    """Whether a filter is about chunks and not only about documents."""
    return filters.language is not None or filters.heading is not None


def conditions(reader: Reader, filters: SearchFilters) -> list[Condition]:
    """All that a chunk must fulfil to be looked at."""
    return [
        Chunk.organization_id == reader.organization_id,
        of_readable(Chunk.document_id, reader, filters),
        *of_chunks(filters),
    ]


def _under(path: str) -> Condition:
    """The heading itself, and everything below it; not one that merely begins with its letters."""
    below = path + PATH_SEPARATOR
    return sa.or_(Chunk.heading == path, sa.func.starts_with(Chunk.heading, below))


def _brought_by(source_ids: Sequence[UUID]) -> Condition:
    return sa.exists().where(
        SourceItem.organization_id == Document.organization_id,
        SourceItem.document_id == Document.id,
        SourceItem.source_id.in_(source_ids),
    )


def _of_format(formats: Sequence[str]) -> Condition:
    return sa.exists().where(
        DocumentVersion.organization_id == Document.organization_id,
        DocumentVersion.document_id == Document.id,
        DocumentVersion.number == Document.current_version,
        DocumentVersion.mime_type.in_(formats),
    )
