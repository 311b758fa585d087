"""What is said about a ticket."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.blocked_clients import require_unblocked
from core_api.changes import Change, Changes
from core_api.modules.organizations.service import require_members
from core_api.modules.tickets.exceptions import MessageNotEditable, MessageNotYours
from core_api.modules.tickets.messages.following_up import FollowingUp
from core_api.modules.tickets.messages.models import MessageKind, MessageRevision, TicketMessage
from core_api.modules.tickets.messages.repository import Messages
from core_api.modules.tickets.messages.schemas import MessageCreate, MessageUpdate
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.work import ids_of
from shared_schemas.events import TicketMentioned
from shared_schemas.ids import UserId, new_id
from shared_schemas.permissions import Permission

MOVE_OF: Final = MappingProxyType(
    {
        MessageKind.REPLY: Move.REPLY,
        MessageKind.NOTE: Move.NOTE,
        MessageKind.CLIENT: Move.CLIENT_MESSAGE,
        MessageKind.DRAFT: Move.DRAFT,
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """A message, the ticket it ended up with, and the one that ticket follows up for it."""

    message: TicketMessage
    ticket: Ticket
    follow_up_of: UUID | None


class Messaging(FollowingUp):
    """Replies, notes, drafts, and what clients say."""

    async def say(self, ticket_id: UUID, given: MessageCreate) -> Said:
        """Adds a message. One of the client wakes up a ticket that waited or seemed done, or, too
        late for that, makes a follow-up. ClientBlocked, unless it is the client who speaks."""
        follow_up_of = None
        if given.kind is MessageKind.CLIENT:
            ticket, follow_up_of = await self._ticket_to_hear(ticket_id, given.body)
        else:
            ticket = await self.tickets.get_for_update(ticket_id)
            await require_unblocked(self.tx, ticket.organization_id, ticket.client_id)
        moved = ticket.move(MOVE_OF[given.kind])
        message, said = self._say(ticket, given.kind, given.body)
        await self._mention(ticket, message, given.mentions)
        action = "ticket.drafted" if given.kind is MessageKind.DRAFT else "ticket.message_added"
        await self._record(ticket, action, moved | said, message=message)
        return Said(message, ticket, follow_up_of)

    async def edit_message(
        self, ticket_id: UUID, message_id: UUID, given: MessageUpdate, seen_version: int | None
    ) -> TicketMessage:
        """Says something else instead; what was said becomes a revision."""
        ticket, message = await self._locked(ticket_id, message_id, seen_version)
        if message.kind is MessageKind.CLIENT:
            raise MessageNotEditable
        if message.kind is MessageKind.DRAFT:
            if given.mentions:
                raise InvalidInput.on("body.mentions", "Menções só em respostas e notas.")
        elif not self._may_edit(message):
            raise MessageNotYours
        if given.body == message.body and "mentions" not in given.model_fields_set:
            return message
        self._revise(message, given.body)
        if "mentions" in given.model_fields_set:
            await self._mention(ticket, message, given.mentions)
        await self._record_revision(ticket, message, "ticket.message_edited")
        return message

    async def _locked(
        self, ticket_id: UUID, message_id: UUID, seen_version: int | None
    ) -> tuple[Ticket, TicketMessage]:
        """The message and its ticket, which is another one where tickets were merged."""
        messages = Messages(self.tx, self.actor.organization_id)
        found = await messages.get(ticket_id, message_id)
        ticket = await self.tickets.get_for_update(found.ticket_id)
        message = await messages.get_for_update(ticket.id, message_id)
        check_version(message.version, seen_version)
        return ticket, message

    async def _mention(
        self, ticket: Ticket, message: TicketMessage, member_ids: Sequence[UserId]
    ) -> None:
        """Speaks of members, and tells those of whom it did not before."""
        wanted = list(dict.fromkeys(member_ids))
        added = [member_id for member_id in wanted if member_id not in (message.mentions or ())]
        await require_members(self.tx, self.actor.organization_id, added)
        message.mentions = [*wanted]
        if added:
            event = TicketMentioned.by(
                self.actor, **ids_of(ticket), message_id=message.id, member_ids=added
            )
            outbox.add(self.tx, event)

    def _may_edit(self, message: TicketMessage) -> bool:
        is_author = message.author_id == self.actor.user_id
        return is_author or self.actor.may(Permission.DESK_CONFIGURE)

    def _revise(self, message: TicketMessage, body: str) -> None:
        self.tx.add(
            MessageRevision(
                id=new_id(),
                organization_id=message.organization_id,
                message_id=message.id,
                revision=message.version,
                body=message.body,
                replaced_by=self.actor.user_id,
                replaced_at=utc_now(),
            )
        )
        message.body = body
        message.edited_at = utc_now()

    async def _record_revision(self, ticket: Ticket, message: TicketMessage, action: str) -> None:
        before = message.version
        await self.tx.flush()
        revised = Changes({"messages": Change(before, message.version)})
        await self._record(ticket, action, revised, related={"message_id": message.id})
