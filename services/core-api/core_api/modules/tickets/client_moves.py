"""Tickets that went from one client to another, when two turned out to be one, or not to be."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from core_api.changes import Change, Changes
from core_api.modules.tickets.team_queue import settled_at_the_end
from core_api.modules.tickets.work import TicketWork

CLIENT_CHANGED: Final = "ticket.client_changed"


class ClientMoves(TicketWork):
    """Whose tickets they are is decided where clients are merged; here every ticket remembers."""

    async def follow_client(
        self, ticket_ids: Collection[UUID], before: UUID, now: UUID, reason: str | None = None
    ) -> None:
        """After the rows of these tickets were given from one client to the other.

        The caller has locked them before it locked the clients.
        """
        tickets = await self.tickets.lock_all(ticket_ids)
        async with settled_at_the_end(self.tx, self.queue):
            for ticket in tickets.values():
                if ticket.client_id == now:
                    moved = Changes({"client_id": Change(before, now)})
                    await self._record(ticket, CLIENT_CHANGED, moved, reason=reason)
