"""How far triage goes by itself: an organization's setting."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.triage.models import TriageMode, TriageSettings
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

_LEAST_CONFIDENCE: Final = 0.8


async def triage_settings(session: AsyncSession, organization_id: OrganizationId) -> TriageSettings:
    """The settings; as they are from the start while nobody has changed them: people decide."""
    mine = sa.select(TriageSettings).where(TriageSettings.organization_id == organization_id)
    found = (await session.scalars(mine)).one_or_none()
    return found or TriageSettings(**_from_the_start(organization_id))


async def change_settings(
    tx: AsyncSession, actor: Actor, values: dict[str, Any], seen_version: int | None
) -> TriageSettings:
    """Applies a whole PATCH or nothing."""
    first = insert(TriageSettings).values(**_from_the_start(actor.organization_id))
    await tx.execute(first.on_conflict_do_nothing())
    mine = sa.select(TriageSettings).where(TriageSettings.organization_id == actor.organization_id)
    settings = (await tx.scalars(mine.with_for_update())).one()
    check_version(settings.version, seen_version)
    changes = settings.change(values)
    if changes:
        await audit.record(tx, actor, "triage_settings.updated", settings.id, changes=changes)
        await tx.flush()
    return settings


def _from_the_start(organization_id: OrganizationId) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": organization_id,
        "mode": TriageMode.PROPOSE,
        "least_confidence": _LEAST_CONFIDENCE,
        "version": 1,
    }
