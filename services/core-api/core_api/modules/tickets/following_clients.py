"""What follows for tickets when their client changes, and nobody waits for it any more."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.sla import service as sla
from core_api.modules.tickets.search import upkeep as search_upkeep
from core_api.modules.tickets.timekeeping import lock_open_of_client, set_due_times
from shared_schemas.events import ClientUpdated

_BATCH: Final = 50
_FIRST: Final = UUID(int=0)


async def follow_client(tx: AsyncSession, event: ClientUpdated) -> None:
    """Tickets are found by the client's new name, and held to what its new tags promise."""
    await search_upkeep.follow_client(tx, event)
    if "tags" in event.payload.changed:
        await _hold_to_other_terms(tx.info["database"], event)


async def _hold_to_other_terms(database: Database, event: ClientUpdated) -> None:
    """In batches that commit by themselves. Told twice, or stopped halfway and told again, it ends
    the same: terms that hold already add nothing to a ledger."""
    cause = sla.Cause(
        what=event.event_type, actor_id=event.actor_id, correlation_id=event.correlation_id
    )
    organization_id, after = event.organization_id, _FIRST
    while True:
        async with database.transaction(organization_id) as batch:
            client_id = event.payload.client_id
            tickets = await lock_open_of_client(batch, organization_id, client_id, after, _BATCH)
            if not tickets:
                return
            pages = await sla.apply(
                batch, organization_id, tickets, utc_now(), cause, event.timestamp
            )
            due = {page.ticket_id: page.due() for page in pages}
            await set_due_times(batch, organization_id, due)
        after = tickets[-1].ticket_id
