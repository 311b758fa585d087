"""Uploads nobody goes on with: their rows go first, then what they have stored."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from ai_svc.modules.uploads.models import Upload
from ai_svc.modules.uploads.storing import drop_prefix, folder, owner_of, prefix_of
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from shared_schemas.ids import OrganizationId

_BATCH: Final = 500


async def expire(database: Database, storage: ObjectStorage) -> int:
    """Deletes what has expired, with its parts; returns how many uploads."""
    old = sa.select(Upload.id).where(Upload.expires_at < sa.func.now()).limit(_BATCH)
    statement = (
        sa.delete(Upload)
        .where(Upload.id.in_(old))
        .returning(Upload.organization_id, Upload.id)
        .execution_options(synchronize_session=False)
    )
    expired = 0
    while True:
        async with database.worker_transaction() as session:
            gone = (await session.execute(statement)).all()
        for organization_id, upload_id in gone:
            await drop_prefix(storage, prefix_of(organization_id, upload_id))
        expired += len(gone)
        if len(gone) < _BATCH:
            return expired


async def sweep_parts(database: Database, storage: ObjectStorage, *, grace: timedelta) -> int:
    """Deletes parts of uploads that are gone: a service was killed between row and object."""
    before = datetime.now(UTC) - grace
    swept = 0
    for name in await storage.folders():
        try:
            organization_id = OrganizationId(UUID(name))
        except ValueError:
            continue
        found: set[UUID] = set()
        async for listed in storage.list(folder(organization_id)):
            owner = owner_of(listed.key)
            if owner is not None and listed.modified_at < before:
                found.add(owner)
        for orphan in await _orphans(database, organization_id, found) if found else ():
            swept += bool(await storage.delete_prefix(prefix_of(organization_id, orphan)))
    return swept


async def _orphans(
    database: Database, organization_id: OrganizationId, upload_ids: set[UUID]
) -> set[UUID]:
    async with database.transaction(organization_id, read_only=True) as session:
        alive = await session.scalars(
            sa.select(Upload.id).where(
                Upload.organization_id == organization_id, Upload.id.in_(upload_ids)
            )
        )
        return upload_ids - set(alive)
