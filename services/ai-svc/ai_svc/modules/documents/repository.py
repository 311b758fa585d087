"""Reading documents of one organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.exceptions import ContentNotReady, DocumentNotFound
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage, PageNumber
from knowledge.models import Document, DocumentStatus, IngestionJob, SourceType
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents a list shows. None does not restrict."""

    status: DocumentStatus | None = None
    source_type: SourceType | None = None
    tag: str | None = None


class Documents:
    """The documents of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, document_id: UUID) -> Document:
        """Without its content. Raises DocumentNotFound."""
        found = await self._session.scalar(self._mine().where(Document.id == document_id))
        if found is None:
            raise DocumentNotFound
        return found

    async def get_for_change(self, document_id: UUID, seen_version: int | None) -> Document:
        """Locked, in the version the caller has seen. Raises DocumentNotFound, PreconditionFailed.

        The jobs first, as the worker locks them: the other order could deadlock.
        """
        jobs = IngestionJob.__table__.c
        await self._session.execute(
            sa.select(jobs.id)
            .where(jobs.organization_id == self._organization_id, jobs.document_id == document_id)
            .order_by(jobs.id)
            .with_for_update()
        )
        mine = self._mine().where(Document.id == document_id).with_for_update()
        found = await self._session.scalar(mine)
        if found is None:
            raise DocumentNotFound
        check_version(found.version, seen_version)
        return found

    async def content(self, document_id: UUID) -> str:
        """The normalised text. Raises DocumentNotFound, ContentNotReady."""
        columns = sa.select(Document.status, Document.content)
        mine = columns.where(
            Document.organization_id == self._organization_id, Document.id == document_id
        )
        row = (await self._session.execute(mine)).one_or_none()
        if row is None:
            raise DocumentNotFound
        if row.status is not DocumentStatus.INDEXED or row.content is None:
            raise ContentNotReady
        text: str = row.content
        return text

    async def list(
        self, which: DocumentFilter, paging: CursorPage | PageNumber
    ) -> Sequence[Document]:
        """Newest first; by cursor, one more than asked for."""
        statement = self._filtered(self._mine(), which)
        if isinstance(paging, PageNumber):
            statement = statement.offset(paging.offset).limit(paging.per_page)
        else:
            position = paging.position(datetime.fromisoformat, UUID)
            if position is not None:
                here = sa.tuple_(Document.created_at, Document.id)
                statement = statement.where(here < sa.tuple_(*position))
            statement = statement.limit(paging.limit + 1)
        newest_first = statement.order_by(Document.created_at.desc(), Document.id.desc())
        return (await self._session.scalars(newest_first)).all()

    async def count(self, which: DocumentFilter) -> int:
        """How many the filter lets through."""
        statement = self._filtered(self._mine().with_only_columns(sa.func.count()), which)
        return await self._session.scalar(statement) or 0

    async def latest_jobs(self, document_ids: Sequence[UUID]) -> dict[UUID, Any]:
        """Per document the `stage` and `percent` of its latest job."""
        jobs = IngestionJob.__table__.c
        latest = (
            sa.select(jobs.document_id, jobs.stage, jobs.percent)
            .where(
                jobs.organization_id == self._organization_id,
                jobs.document_id.in_(document_ids),
            )
            .ext(distinct_on(jobs.document_id))
            .order_by(jobs.document_id, jobs.created_at.desc(), jobs.id.desc())
        )
        return {row.document_id: row for row in await self._session.execute(latest)}

    def _mine(self) -> sa.Select[Document]:
        return sa.select(Document).where(Document.organization_id == self._organization_id)

    def _filtered(self, statement: sa.Select[Any], which: DocumentFilter) -> sa.Select[Any]:
        if which.status is not None:
            statement = statement.where(Document.status == which.status)
        if which.source_type is not None:
            statement = statement.where(Document.source_type == which.source_type)
        if which.tag is not None:
            statement = statement.where(Document.tags.contains([which.tag]))
        return statement
