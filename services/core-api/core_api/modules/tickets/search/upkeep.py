"""What follows a change when nobody waits for it any more: names of clients, and new words."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.search import index as search_index
from core_api.modules.tickets.search import words as search_words
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ClientUpdated,
    TicketCreated,
    TicketUpdated,
)
from shared_schemas.ids import OrganizationId

_BATCH: Final = 500
_SPEAKING: Final = frozenset({"subject", "description", "messages"})


async def follow_client(tx: AsyncSession, event: ClientUpdated) -> None:
    """A renamed client's tickets are found by the new name."""
    if "name" in event.payload.changed:
        await _follow(tx, event.organization_id, event.payload.client_id)


async def follow_merge(tx: AsyncSession, event: ClientMerged) -> None:
    """The tickets of a client that went into another are the other's."""
    await _follow(tx, event.organization_id, event.payload.client_id)


async def follow_undone_merge(tx: AsyncSession, event: ClientMergeUndone) -> None:
    """Each of the two has its own again."""
    for client_id in (event.payload.client_id, event.payload.merged_id):
        await _follow(tx, event.organization_id, client_id)


async def learn_created(tx: AsyncSession, event: TicketCreated) -> None:
    """The words of a new ticket."""
    await search_words.learn(tx, event.organization_id, [event.payload.ticket_id])


async def learn_updated(tx: AsyncSession, event: TicketUpdated) -> None:
    """The words of what was added to a ticket."""
    if _SPEAKING & set(event.payload.changed):
        await search_words.learn(tx, event.organization_id, [event.payload.ticket_id])


async def _follow(tx: AsyncSession, organization_id: OrganizationId, client_id: UUID) -> None:
    """In batches that commit by themselves. Told twice, or stopped halfway and told again, it ends
    the same."""
    database: Database = tx.info["database"]
    after = UUID(int=0)
    while True:
        async with database.transaction(organization_id) as batch:
            ids = await _page(batch, organization_id, client_id, after)
            if not ids:
                return
            await search_index.rename(batch, organization_id, client_id, ids)
        after = ids[-1]


async def _page(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID, after: UUID
) -> list[UUID]:
    of_client = (
        sa.select(Ticket.id)
        .where(
            Ticket.organization_id == organization_id,
            Ticket.client_id == client_id,
            Ticket.id > after,
        )
        .order_by(Ticket.id)
        .limit(_BATCH)
    )
    return list((await tx.scalars(of_client)).all())
