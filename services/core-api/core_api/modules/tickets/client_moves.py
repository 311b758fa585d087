"""Tickets that go from one client to another, and back, because the clients were one."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.team_queue import settled_at_the_end
from core_api.modules.tickets.work import TicketWork

MOVED: Final = "ticket.client_changed"


class ClientMoves(TicketWork):
    """Whose tickets they are. Both clients are the caller's to lock, after the tickets."""

    async def move_client(
        self, from_client_id: UUID, to_client_id: UUID, reason: str | None = None
    ) -> list[UUID]:
        """Gives every ticket of one client to another; their ids."""
        tickets = await self.tickets.lock_of_client(from_client_id)
        return await self._give(tickets.values(), to_client_id, reason)

    async def move_client_back(
        self,
        ticket_ids: Collection[UUID],
        from_client_id: UUID,
        to_client_id: UUID,
        reason: str | None = None,
    ) -> list[UUID]:
        """Gives back those of the tickets that are still where they were put; their ids."""
        tickets = await self.tickets.lock_all(ticket_ids)
        still = [ticket for ticket in tickets.values() if ticket.client_id == from_client_id]
        return await self._give(still, to_client_id, reason)

    async def _give(
        self, tickets: Collection[Ticket], client_id: UUID, reason: str | None
    ) -> list[UUID]:
        async with settled_at_the_end(self.tx, self.queue):
            for ticket in tickets:
                changes = ticket.change({"client_id": client_id})
                await self._record(ticket, MOVED, changes, reason=reason)
        return [ticket.id for ticket in tickets]
