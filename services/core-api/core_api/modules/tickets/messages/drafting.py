"""What becomes of drafts: a person sends or discards them, nothing else does."""

from uuid import UUID

from chassis.data.columns import utc_now
from core_api.changes import Change, Changes
from core_api.modules.tickets.exceptions import MessageNotADraft
from core_api.modules.tickets.messages.messaging import Messaging
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.moves import Move


class Drafting(Messaging):
    """From a draft to a reply, or to nothing."""

    async def send_draft(
        self, ticket_id: UUID, message_id: UUID, seen_version: int | None
    ) -> TicketMessage:
        """Makes a draft a reply of whoever sends it, said now."""
        ticket, message = await self._locked(ticket_id, message_id, seen_version)
        _require_draft(message)
        moved = ticket.move(Move.REPLY)
        message.kind = MessageKind.REPLY
        message.drafted_by, message.author_id = message.author_id, self.actor.user_id
        message.created_at = utc_now()
        said = ticket.said(message.kind, message.created_at)
        changes = moved | said | {"messages": Change(None, message.id)}
        await self._record(ticket, "ticket.message_added", changes, message=message)
        return message

    async def discard_draft(
        self, ticket_id: UUID, message_id: UUID, seen_version: int | None
    ) -> None:
        """Takes a draft out of sight."""
        ticket, message = await self._locked(ticket_id, message_id, seen_version)
        _require_draft(message)
        message.discarded_at = utc_now()
        gone = Changes({"messages": Change(message.id, None)})
        await self._record(
            ticket, "ticket.draft_discarded", gone, related={"message_id": message.id}
        )


def _require_draft(message: TicketMessage) -> None:
    if message.kind is not MessageKind.DRAFT:
        raise MessageNotADraft
