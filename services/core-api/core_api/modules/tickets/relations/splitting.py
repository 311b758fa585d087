"""Splitting a ticket: messages about something else go to a ticket of their own."""

from collections.abc import Sequence
from uuid import UUID

from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.changes import Change, Changes
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.messages.repository import Messages
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.opening import Opening
from core_api.modules.tickets.relations.models import LinkKind
from core_api.modules.tickets.relations.repository import Links
from core_api.modules.tickets.schemas import TicketSplitOff
from core_api.modules.tickets.work import ids_of
from shared_schemas.events import TicketSplit


class Splitting(Opening):
    """One ticket becomes two."""

    async def split(
        self, ticket_id: UUID, given: TicketSplitOff, seen_version: int | None
    ) -> Ticket:
        """Opens a ticket of the same client and gives it the chosen messages."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        ticket.move(Move.SPLIT)
        messages = Messages(self.tx, self.actor.organization_id)
        chosen = await messages.some_for_update(ticket.id, given.message_ids)
        new = await self._open(
            {
                "client_id": ticket.client_id,
                "subject": given.subject,
                "description": given.description or chosen[0].body,
                "priority": given.priority or ticket.priority,
                "channel": ticket.channel,
                "tags": ticket.tags,
                "category_id": ticket.category_id,
                "custom_fields": ticket.custom_fields,
            }
        )
        for message in chosen:
            message.origin_ticket_id = message.origin_ticket_id or message.ticket_id
            message.ticket_id = new.id
        Links(self.tx, self.actor.organization_id).add(
            new.id, ticket.id, LinkKind.SPLIT, self.actor.user_id
        )
        await self.tx.flush()
        await self._record_split(ticket, new, chosen, messages, given.reason)
        return new

    async def _record_split(
        self,
        ticket: Ticket,
        new: Ticket,
        chosen: Sequence[TicketMessage],
        messages: Messages,
        reason: str | None,
    ) -> None:
        moved = [message.id for message in chosen]
        replies = [m.created_at for m in chosen if m.kind is MessageKind.REPLY]
        gained = new.change(
            {
                "last_message_at": await messages.last_at(new.id),
                "first_replied_at": min(replies, default=None),
            }
        ) | {"messages": Change(None, moved)}
        lost = ticket.change({"last_message_at": await messages.last_at(ticket.id)}) | {
            "messages": Change(moved, None)
        }
        event = TicketSplit.by(
            self.actor, **ids_of(ticket), new_ticket_id=new.id, message_ids=moved
        )
        outbox.add(self.tx, event)
        from_it, to_it = {"source_ticket_id": ticket.id}, {"new_ticket_id": new.id}
        await self._record(ticket, "ticket.split", Changes(lost), related=to_it, reason=reason)
        await self._record(new, "ticket.split_off", Changes(gained), related=from_it, reason=reason)
