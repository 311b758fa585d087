"""What is said about a ticket."""

from types import MappingProxyType
from typing import Final
from uuid import UUID

from core_api.modules.tickets.message_models import MessageKind, TicketMessage
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.opening import Opening
from core_api.modules.tickets.schemas import MessageCreate

MOVE_OF: Final = MappingProxyType(
    {
        MessageKind.REPLY: Move.REPLY,
        MessageKind.NOTE: Move.NOTE,
        MessageKind.CLIENT: Move.CLIENT_MESSAGE,
        MessageKind.DRAFT: Move.DRAFT,
    }
)


class Messaging(Opening):
    """Replies, notes, drafts, and what clients say."""

    async def say(self, ticket_id: UUID, given: MessageCreate) -> TicketMessage:
        """Adds a message. One of the client wakes up a ticket that waited or seemed done."""
        ticket = await self.tickets.get_for_update(ticket_id)
        moved = ticket.move(MOVE_OF[given.kind])
        message, said = self._say(ticket, given.kind, given.body)
        await self._record(ticket, "ticket.message_added", moved | said, message=message)
        return message
