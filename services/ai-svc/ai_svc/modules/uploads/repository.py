"""Uploads of one person, and the parts of one upload."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.uploads.exceptions import OffsetConflict, TooManyUploads, UploadNotFound
from ai_svc.modules.uploads.models import Upload, UploadPart
from ai_svc.modules.uploads.protocol import Metadata
from chassis.data.columns import utc_now
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

LIFETIME: Final = timedelta(hours=24)
"""Since the last part that arrived."""
MOST_OPEN: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an upload that lies in the storage."""

    starts_at: int
    size_bytes: int
    storage_key: str


class Uploads:
    """The uploads of one person: nobody else's are found."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    async def begin(self, size_bytes: int, said: Metadata) -> Upload:
        """A new one, empty. Raises TooManyUploads."""
        name = f"uploads:{self._actor.organization_id}:{self._actor.user_id}"
        # Counted by one request at a time.
        await self._session.execute(
            sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0)))
        )
        counted = sa.select(sa.func.count()).where(
            *self._mine(), Upload.document_id.is_(None), Upload.expires_at > utc_now()
        )
        if (await self._session.scalar(counted) or 0) >= MOST_OPEN:
            raise TooManyUploads(most=MOST_OPEN)
        upload = Upload(
            id=new_id(),
            organization_id=self._actor.organization_id,
            user_id=self._actor.user_id,
            file_name=said.file_name,
            fields=said.fields.model_dump(mode="json", exclude_unset=True),
            sha256=said.sha256,
            size_bytes=size_bytes,
            received_bytes=0,
            expires_at=utc_now() + LIFETIME,
        )
        self._session.add(upload)
        await self._session.flush()
        return upload

    async def get(self, upload_id: UUID, *, lock: bool = False) -> Upload:
        """Raises UploadNotFound."""
        statement = sa.select(Upload).where(
            *self._mine(), Upload.id == upload_id, Upload.expires_at > utc_now()
        )
        found = await self._session.scalar(statement.with_for_update() if lock else statement)
        if found is None:
            raise UploadNotFound
        return found

    async def add(self, upload_id: UUID, parts: Sequence[Part]) -> datetime:
        """The upload has these parts too, if it still stands where they begin; returns when it
        expires. Raises OffsetConflict, UploadNotFound."""
        begin, end = parts[0].starts_at, parts[-1].starts_at + parts[-1].size_bytes
        upload = await self.get(upload_id, lock=True)
        check_position(upload, begin)
        upload.received_bytes = end
        upload.expires_at = utc_now() + LIFETIME
        self._session.add_all(
            UploadPart(
                organization_id=self._actor.organization_id,
                upload_id=upload_id,
                starts_at=part.starts_at,
                storage_key=part.storage_key,
            )
            for part in parts
        )
        return upload.expires_at

    async def finish(self, upload_id: UUID, last_part_at: int, document_id: UUID) -> Upload:
        """Everything has arrived and has become the document. Raises OffsetConflict,
        UploadNotFound."""
        upload = await self.get(upload_id, lock=True)
        check_position(upload, last_part_at)
        upload.received_bytes = upload.size_bytes
        upload.document_id = document_id
        # The document knows, and may be deleted.
        upload.file_name, upload.fields, upload.sha256 = None, {}, None
        await self._session.execute(sa.delete(UploadPart).where(*self._of(upload_id)))
        return upload

    async def keys(self, upload_id: UUID) -> Sequence[str]:
        """Where the parts lie, in order."""
        parts = sa.select(UploadPart.storage_key).where(*self._of(upload_id))
        return (await self._session.scalars(parts.order_by(UploadPart.starts_at))).all()

    async def delete(self, upload_id: UUID) -> None:
        """Raises UploadNotFound."""
        gone = await self._session.execute(
            sa.delete(Upload)
            .where(*self._mine(), Upload.id == upload_id)
            .returning(Upload.id)
            .execution_options(synchronize_session=False)
        )
        if gone.first() is None:
            raise UploadNotFound

    def _mine(self) -> tuple[sa.ColumnElement[Any], ...]:
        return (
            Upload.organization_id == self._actor.organization_id,
            Upload.user_id == self._actor.user_id,
        )

    def _of(self, upload_id: UUID) -> tuple[sa.ColumnElement[Any], ...]:
        return (
            UploadPart.organization_id == self._actor.organization_id,
            UploadPart.upload_id == upload_id,
        )


def check_position(upload: Upload, offset: int) -> None:
    """Raises OffsetConflict."""
    if upload.received_bytes != offset:
        raise OffsetConflict(offset=upload.received_bytes)
