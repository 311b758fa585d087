"""Moving a ticket from one status to another."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from chassis.web.etag import check_version
from core_api.modules.tickets.messages.models import MessageKind
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.work import RESOLVED, TicketWork

MOVED: Final = MappingProxyType(
    {
        Move.PEND: "ticket.pended",
        Move.HOLD: "ticket.held",
        Move.RESOLVE: RESOLVED,
        Move.CLOSE: "ticket.closed",
        Move.REOPEN: "ticket.reopened",
    }
)
"""The moves that are nothing but moves, and what they are called once done."""


class Moving(TicketWork):
    """Where a ticket stands."""

    async def move(
        self, ticket_id: UUID, move: Move, note: str | None, seen_version: int | None
    ) -> Ticket:
        """Changes the status as the table of moves allows, with an internal note if given."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        changes = ticket.move(move)
        message = None
        if note is not None:
            message, said = self._say(ticket, MessageKind.NOTE, note)
            changes |= said
        await self._record(ticket, MOVED[move], changes, message=message)
        return ticket
