"""Trying again what failed: a new delivery of the same thing, by who has seen to the cause."""

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import JobState
from core_api.modules.audit import service as audit
from core_api.modules.deliveries.exceptions import DeliveryNotFailed, DeliveryNotFound
from core_api.modules.deliveries.models import OWNERS, Delivery, DeliveryKind
from core_api.modules.deliveries.service import enqueue_all
from shared_schemas.actor import Actor

_ROWS: Final = Delivery.__table__.c


async def retry(tx: AsyncSession, actor: Actor, delivery_id: UUID) -> Any:
    """The row of the new one. DeliveryNotFound, DeliveryNotFailed."""
    mine = _ROWS.organization_id == actor.organization_id
    statement = sa.select(Delivery.__table__).where(mine, _ROWS.id == delivery_id)
    failed: Any = (await tx.execute(statement)).one_or_none()
    if failed is None:
        raise DeliveryNotFound
    kind = DeliveryKind(failed.kind)
    column, _ = OWNERS[kind]
    owner_id: UUID = getattr(failed, column)
    wanted = [(owner_id, failed.client_id)]
    # Of two at once one queues it: the constraint decides.
    if failed.state is not JobState.FAILED or not await enqueue_all(
        tx, actor.organization_id, kind, wanted
    ):
        raise DeliveryNotFailed
    latest = (
        sa.select(Delivery.__table__)
        .where(mine, _ROWS[column] == owner_id, _ROWS.client_id == failed.client_id)
        .order_by(_ROWS.id.desc())
        .limit(1)
    )
    made: Any = (await tx.execute(latest)).one()
    await audit.record(
        tx,
        actor,
        "delivery.retried",
        made.id,
        about=failed.client_id,
        related={"client_id": failed.client_id, column: owner_id, "failed_id": delivery_id},
    )
    return made
