"""Deleting what no ticket needs: pending attachments nobody took, those of discarded drafts,
objects whose row is gone."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from core_api.modules.attachments.models import Attachment, object_key
from core_api.modules.attachments.repository import Attachments
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)
GRACE: Final = timedelta(days=1)


async def clear(
    storage: ObjectStorage, organization_id: OrganizationId, attachment_id: UUID
) -> None:
    """Deletes the object of an attachment that is gone; what fails is left for the sweep."""
    try:
        await storage.delete(object_key(organization_id, attachment_id))
    except STORAGE_FAILURES as error:
        _log.warning(
            "object_left_for_the_sweep",
            attachment_id=str(attachment_id),
            error=type(error).__name__,
        )


async def sweep_attachments(
    database: Database, storage: ObjectStorage, *, grace: timedelta = GRACE
) -> int:
    """Deletes objects older than `grace` that nobody needs or have no row; returns how many."""
    before = utc_now() - grace
    swept = 0
    async for page in storage.pages():
        found: dict[OrganizationId, set[UUID]] = {}
        for listed in page:
            owner = _owner(listed.key)
            if owner is not None and listed.modified_at < before:
                found.setdefault(owner[0], set()).add(owner[1])
        for organization_id, attachment_ids in found.items():
            useless = await _forgotten(database, organization_id, attachment_ids, before)
            for attachment_id in useless:
                await clear(storage, organization_id, attachment_id)
            swept += len(useless)
    return swept


async def _forgotten(
    database: Database,
    organization_id: OrganizationId,
    attachment_ids: Collection[UUID],
    before: datetime,
) -> set[UUID]:
    """Those without a row; rows nobody needs are deleted first, in a transaction."""
    mine = (
        Attachment.organization_id == organization_id,
        Attachment.id.in_(attachment_ids),
    )
    async with database.transaction(organization_id) as session:
        await session.execute(
            sa.delete(Attachment).where(
                *mine, Attachments(session, organization_id).useless(before)
            )
        )
        alive = await session.scalars(sa.select(Attachment.id).where(*mine))
        return set(attachment_ids) - set(alive)


def _owner(key: str) -> tuple[OrganizationId, UUID] | None:
    """Whose object it is; None for what is not ours. We wrote these keys ourselves."""
    try:
        organization, kind, attachment = key.split("/")
        if kind != "attachments":
            return None
        return OrganizationId(UUID(organization)), UUID(attachment)
    except ValueError:
        return None
