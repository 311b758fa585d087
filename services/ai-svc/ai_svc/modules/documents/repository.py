"""Reading documents of one organization, as far as a reader may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.exceptions import (
    ContentNotReady,
    DocumentDeleted,
    DocumentNotFound,
    VersionNotFound,
)
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage, PageNumber
from knowledge.access import Reader, erasable, readable
from knowledge.document_locks import lock_jobs
from knowledge.models import (
    DeletedDocument,
    Document,
    DocumentStatus,
    DocumentVersion,
    IngestionJob,
    SourceType,
)

SHOWN: Final = sa.func.coalesce(Document.current_version, Document.latest_version)
"""The version a document is shown by: what is searched, or what will be."""

Found = tuple[Document, DocumentVersion]


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Which documents a list shows. None does not restrict."""

    status: DocumentStatus | None = None
    source_type: SourceType | None = None
    tag: str | None = None
    external_id: str | None = None


class Documents:
    """The documents of one organization that a reader may see.

    `client_id` is the client the request names: without it, no client's documents are there.
    """

    def __init__(
        self, session: AsyncSession, reader: Reader, client_id: UUID | None = None
    ) -> None:
        self._session = session
        self._reader = reader
        self._organization_id = reader.organization_id
        self._client_id = client_id

    async def get(self, document_id: UUID) -> Found:
        """With the version it is shown by. Raises DocumentNotFound, DocumentDeleted."""
        statement = self._mine().where(Document.id == document_id)
        found = (await self._session.execute(statement)).one_or_none()
        if found is None:
            raise await self._absent(document_id)
        return found[0], found[1]

    async def get_for_change(
        self, document_id: UUID, seen_version: int | None, *, to_erase: bool = False
    ) -> Document:
        """Locked, in the version the caller has seen. Raises DocumentNotFound, DocumentDeleted,
        PreconditionFailed."""
        await lock_jobs(self._session, self._organization_id, document_id)
        may = erasable if to_erase else readable
        found = await self._session.scalar(
            sa.select(Document)
            .where(may(self._reader, self._client_id), Document.id == document_id)
            .with_for_update()
        )
        if found is None:
            raise await self._absent(document_id)
        check_version(found.version, seen_version)
        return found

    async def content(self, document_id: UUID, number: int | None = None) -> str:
        """The normalised text of a version, or of the current one. Raises DocumentNotFound,
        DocumentDeleted, VersionNotFound, ContentNotReady."""
        wanted = Document.current_version if number is None else sa.literal(number)
        columns = (DocumentVersion.content, DocumentVersion.indexed_at, DocumentVersion.number)
        row = (
            await self._session.execute(
                sa.select(*columns)
                .select_from(Document)
                .outerjoin(DocumentVersion, _is_version(wanted))
                .where(readable(self._reader, self._client_id), Document.id == document_id)
            )
        ).one_or_none()
        if row is None:
            raise await self._absent(document_id)
        if number is not None and row.number is None:
            raise VersionNotFound
        if row.indexed_at is None or row.content is None:
            raise ContentNotReady
        text: str = row.content
        return text

    async def versions(self, document_id: UUID) -> tuple[Document, Sequence[DocumentVersion]]:
        """All of them, newest first. Raises DocumentNotFound, DocumentDeleted."""
        document, _ = await self.get(document_id)
        found = await self._session.scalars(
            sa.select(DocumentVersion)
            .where(
                DocumentVersion.organization_id == self._organization_id,
                DocumentVersion.document_id == document_id,
            )
            .order_by(DocumentVersion.number.desc())
        )
        return document, found.all()

    async def version(self, document_id: UUID, number: int) -> Found:
        """Raises DocumentNotFound, DocumentDeleted, VersionNotFound."""
        statement = (
            sa.select(Document, DocumentVersion)
            .outerjoin(DocumentVersion, _is_version(number))
            .where(readable(self._reader, self._client_id), Document.id == document_id)
        )
        found = (await self._session.execute(statement)).one_or_none()
        if found is None:
            raise await self._absent(document_id)
        if found[1] is None:
            raise VersionNotFound
        return found[0], found[1]

    async def list(self, which: DocumentFilter, paging: CursorPage | PageNumber) -> Sequence[Found]:
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
        return [(row[0], row[1]) for row in await self._session.execute(newest_first)]

    async def count(self, which: DocumentFilter) -> int:
        """How many the filter lets through."""
        mine = sa.select(sa.func.count()).where(readable(self._reader, self._client_id))
        return await self._session.scalar(self._filtered(mine, which)) or 0

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

    async def _absent(self, document_id: UUID) -> DocumentNotFound | DocumentDeleted:
        """What to say of an id nothing readable is found under."""
        gone = await self._session.scalar(
            sa.select(DeletedDocument.id).where(
                DeletedDocument.organization_id == self._organization_id,
                DeletedDocument.id == document_id,
            )
        )
        return DocumentNotFound() if gone is None else DocumentDeleted()

    def _mine(self) -> sa.Select[Document, DocumentVersion]:
        return (
            sa.select(Document, DocumentVersion)
            .join(DocumentVersion, _is_version(SHOWN))
            .where(readable(self._reader, self._client_id))
        )

    def _filtered(self, statement: Any, which: DocumentFilter) -> Any:
        if which.status is not None:
            statement = statement.where(Document.status == which.status)
        if which.source_type is not None:
            statement = statement.where(Document.source_type == which.source_type)
        if which.tag is not None:
            statement = statement.where(Document.tags.contains([which.tag]))
        if which.external_id is not None:
            statement = statement.where(Document.external_id == which.external_id)
        return statement


def _is_version(number: Any) -> sa.ColumnElement[bool]:
    return sa.and_(
        DocumentVersion.organization_id == Document.organization_id,
        DocumentVersion.document_id == Document.id,
        DocumentVersion.number == number,
    )
