"""Chunks and edits of one document that the caller may read."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chunks.exceptions import ChunkNotFound, EditNotFound
from chassis.web.pagination import CursorPage
from knowledge.chunk_edit_tables import ChunkEdit
from knowledge.models import Chunk, Document, DocumentStatus, DocumentVersion
from knowledge.outline import Outline


class EditState(StrEnum):
    """What became of an edit."""

    APPLIED = "applied"
    PENDING = "pending"
    NOT_FOUND = "not_found"
    UNDONE = "undone"


_MOST_CHUNKS: Final = 2**31
state_of_edit: sa.Case[Any] = sa.case(
    (ChunkEdit.undone_at.is_not(None), EditState.UNDONE.value),
    (ChunkEdit.found_in == Document.current_version, EditState.APPLIED.value),
    (
        Document.status.in_((DocumentStatus.PENDING, DocumentStatus.PROCESSING)),
        EditState.PENDING.value,
    ),
    else_=EditState.NOT_FOUND.value,
)
"""Of a document that is joined; what the newest version no longer holds is not found."""


def _place(value: object) -> int:
    """Of a cursor: no number beyond what the column holds. Raises ValueError."""
    place = int(str(value))
    if not 0 <= place < _MOST_CHUNKS:
        raise ValueError(value)
    return place


class Chunks:
    """Of a document that was found to be readable."""

    def __init__(self, session: AsyncSession, document: Document) -> None:
        self._session = session
        self._document = document

    async def list(self, page: CursorPage, *, enabled: bool | None) -> Sequence[Chunk]:
        """In reading order; one more than asked for."""
        statement = self._mine()
        if enabled is not None:
            statement = statement.where(Chunk.enabled.is_(enabled))
        after = page.position(_place)
        if after is not None:
            statement = statement.where(Chunk.position > after[0])
        found = await self._session.scalars(
            statement.order_by(Chunk.position).limit(page.limit + 1)
        )
        return found.all()

    async def get(self, chunk_id: UUID) -> Chunk:
        """Raises ChunkNotFound."""
        found = await self._session.scalar(
            self._mine().where(Chunk.id == chunk_id).execution_options(populate_existing=True)
        )
        if found is None:
            raise ChunkNotFound
        return found

    async def edits(
        self, page: CursorPage, state: EditState | None
    ) -> Sequence[tuple[ChunkEdit, str]]:
        """With their state, newest first; one more than asked for."""
        statement = self._edits()
        if state is not None:
            statement = statement.where(state_of_edit == state.value)
        after = page.position(UUID)
        if after is not None:
            statement = statement.where(ChunkEdit.id < after[0])
        rows = await self._session.execute(
            statement.order_by(ChunkEdit.id.desc()).limit(page.limit + 1)
        )
        return [(row[0], row[1]) for row in rows]

    async def edit(self, edit_id: UUID) -> tuple[ChunkEdit, str]:
        """Raises EditNotFound."""
        row = (await self._session.execute(self._edits().where(ChunkEdit.id == edit_id))).first()
        if row is None:
            raise EditNotFound
        return row[0], row[1]

    async def outline(self) -> Outline:
        """Headings and pages of the current version."""
        stored = await self._session.scalar(
            sa.select(DocumentVersion.outline).where(
                DocumentVersion.organization_id == self._document.organization_id,
                DocumentVersion.document_id == self._document.id,
                DocumentVersion.number == self._document.current_version,
            )
        )
        return Outline.read(stored)

    def _mine(self) -> sa.Select[Chunk]:
        return sa.select(Chunk).where(
            Chunk.organization_id == self._document.organization_id,
            Chunk.document_id == self._document.id,
        )

    def _edits(self) -> sa.Select[ChunkEdit, Any]:
        is_of = sa.and_(
            Document.organization_id == ChunkEdit.organization_id,
            Document.id == ChunkEdit.document_id,
        )
        return (
            sa.select(ChunkEdit, state_of_edit)
            .join(Document, is_of)
            .where(
                ChunkEdit.organization_id == self._document.organization_id,
                ChunkEdit.document_id == self._document.id,
            )
        )
