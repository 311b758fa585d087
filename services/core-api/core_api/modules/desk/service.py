"""Changing the settings of a desk; what other contexts may ask of them."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.desk.models import DeskSettings
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

_REOPEN_WITHIN_DAYS: Final = 14


async def reopening_window(
    session: AsyncSession, organization_id: OrganizationId
) -> timedelta | None:
    """For how long after it was done a client's message reopens a ticket; None: always."""
    days = (await desk_settings(session, organization_id)).reopen_within_days
    return None if days is None else timedelta(days=days)


async def desk_settings(session: AsyncSession, organization_id: OrganizationId) -> DeskSettings:
    """The settings; as they are from the start while nobody has changed them."""
    statement = sa.select(DeskSettings).where(DeskSettings.organization_id == organization_id)
    return (await session.scalars(statement)).one_or_none() or DeskSettings(
        **_from_the_start(organization_id)
    )


class DeskService:
    """The command on the settings, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor

    async def change(self, values: dict[str, Any], seen_version: int | None) -> DeskSettings:
        """Applies a whole PATCH or nothing."""
        organization_id = self.actor.organization_id
        first = insert(DeskSettings).values(**_from_the_start(organization_id))
        await self.tx.execute(first.on_conflict_do_nothing())
        mine = sa.select(DeskSettings).where(DeskSettings.organization_id == organization_id)
        settings = (await self.tx.scalars(mine.with_for_update())).one()
        check_version(settings.version, seen_version)
        changes = settings.change(values)
        if changes:
            await audit.record(
                self.tx, self.actor, "desk_settings.updated", settings.id, changes=changes
            )
            await self.tx.flush()
        return settings


def _from_the_start(organization_id: OrganizationId) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": organization_id,
        "reopen_within_days": _REOPEN_WITHIN_DAYS,
        "version": 1,
    }
