"""Keeping in mind which clients core-api has deleted: nothing about them is read any more."""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.consumer import Subscription
from knowledge.absence_tables import ClientAbsence
from shared_schemas.events import ClientDeleted
from shared_schemas.ids import OrganizationId


async def follow_deleted(session: AsyncSession, event: ClientDeleted) -> None:
    """The client is deleted, unless something later is known."""
    row = absence(event.organization_id, event.payload.client_id, event.timestamp)
    await session.execute(remember_absences().values(row))


def absence(organization_id: OrganizationId, client_id: UUID, at: datetime) -> dict[str, object]:
    """A row for `remember_absences`."""
    return {
        "organization_id": organization_id,
        "client_id": client_id,
        "is_deleted": True,
        "changed_at": at,
    }


def remember_absences() -> Insert:
    """What is older than what is known changes nothing. That one was erased stays."""
    statement = insert(ClientAbsence)
    return statement.on_conflict_do_update(
        index_elements=[ClientAbsence.organization_id, ClientAbsence.client_id],
        set_={
            "is_deleted": statement.excluded.is_deleted,
            "changed_at": statement.excluded.changed_at,
        },
        where=ClientAbsence.changed_at <= statement.excluded.changed_at,
    )


async def restore_others(
    session: AsyncSession, organization_id: OrganizationId, as_of: datetime
) -> None:
    """Who was deleted and is on no page of core-api's is there again, unless an event has told of
    it since."""
    await session.execute(
        sa.update(ClientAbsence)
        .where(
            ClientAbsence.organization_id == organization_id,
            ClientAbsence.is_deleted,
            ClientAbsence.changed_at < as_of,
        )
        .values(is_deleted=False, changed_at=as_of)
    )


SUBSCRIPTIONS: Final = (Subscription(ClientDeleted, follow_deleted),)
