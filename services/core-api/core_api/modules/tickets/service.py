"""Opening, changing, moving and answering tickets."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import require_client
from core_api.modules.organizations.service import require_member
from core_api.modules.tickets.models import MessageKind, Ticket, TicketMessage
from core_api.modules.tickets.moves import Move, TicketStatus
from core_api.modules.tickets.repository import Tickets
from core_api.modules.tickets.schemas import MessageCreate, TicketCreate
from shared_schemas.actor import Actor
from shared_schemas.events import TicketCreated, TicketResolved, TicketUpdated
from shared_schemas.ids import UserId, new_id

_MOVED: Final = MappingProxyType(
    {
        Move.PEND: "ticket.pended",
        Move.HOLD: "ticket.held",
        Move.RESOLVE: "ticket.resolved",
        Move.CLOSE: "ticket.closed",
        Move.REOPEN: "ticket.reopened",
    }
)
_MOVE_OF_MESSAGE: Final = MappingProxyType(
    {
        MessageKind.REPLY: Move.REPLY,
        MessageKind.NOTE: Move.NOTE,
        MessageKind.CLIENT: Move.CLIENT_MESSAGE,
    }
)


class TicketService:
    """The commands on tickets, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.tickets = Tickets(tx, actor.organization_id)

    async def create(self, given: TicketCreate) -> Ticket:
        """Opens a ticket of an existing client."""
        await require_client(self.tx, self.actor.organization_id, given.client_id)
        ticket = Ticket(
            id=new_id(),
            organization_id=self.actor.organization_id,
            number=await self.tickets.next_number(),
            status=TicketStatus.OPEN,
            created_by=self.actor.user_id,
            **given.model_dump(),
        )
        self.tx.add(ticket)
        outbox.add(self.tx, TicketCreated.by(self.actor, **_ids(ticket)))
        related = {"client_id": ticket.client_id}
        audit.record(self.tx, self.actor, "ticket.created", ticket.id, related=related)
        await self.tx.flush()
        return ticket

    async def change(
        self, ticket_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Ticket:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        changed = ticket.change(values)
        if changed:
            self._tell("ticket.updated", ticket, changed)
            await self.tx.flush()
        return ticket

    async def assign(
        self, ticket_id: UUID, assignee_id: UserId | None, seen_version: int | None
    ) -> Ticket:
        """Gives the ticket to a member, or to nobody."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        if assignee_id is not None:
            await require_member(self.tx, self.actor.organization_id, assignee_id)
        changed = ticket.move(Move.ASSIGN) | ticket.change({"assignee_id": assignee_id})
        if changed:
            self._tell("ticket.assigned", ticket, changed)
            await self.tx.flush()
        return ticket

    async def move(
        self, ticket_id: UUID, move: Move, note: str | None, seen_version: int | None
    ) -> Ticket:
        """Changes the status as the table of moves allows, with an internal note if given."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        changed = ticket.move(move)
        if note is not None:
            changed |= self._say(ticket, MessageKind.NOTE, note)[1]
        if move is Move.RESOLVE:
            outbox.add(self.tx, TicketResolved.by(self.actor, **_ids(ticket)))
        self._tell(_MOVED[move], ticket, changed)
        await self.tx.flush()
        return ticket

    async def say(self, ticket_id: UUID, given: MessageCreate) -> TicketMessage:
        """Adds a message. One of the client wakes up a ticket that waited or seemed done."""
        ticket = await self.tickets.get_for_update(ticket_id)
        moved = ticket.move(_MOVE_OF_MESSAGE[given.kind])
        message, changed = self._say(ticket, given.kind, given.body)
        self._tell("ticket.message_added", ticket, moved | changed, message_id=message.id)
        await self.tx.flush()
        return message

    def _say(
        self, ticket: Ticket, kind: MessageKind, body: str
    ) -> tuple[TicketMessage, frozenset[str]]:
        message = TicketMessage(
            id=new_id(),
            organization_id=ticket.organization_id,
            ticket_id=ticket.id,
            kind=kind,
            body=body,
            author_id=None if kind is MessageKind.CLIENT else self.actor.user_id,
            created_at=utc_now(),
        )
        self.tx.add(message)
        return message, ticket.change({"last_message_at": message.created_at}) | {"messages"}

    def _tell(self, action: str, ticket: Ticket, changed: Iterable[str], **related: UUID) -> None:
        fields = sorted(changed)
        outbox.add(self.tx, TicketUpdated.by(self.actor, **_ids(ticket), changed=fields))
        audit.record(
            self.tx,
            self.actor,
            action,
            ticket.id,
            changed=fields,
            related={"client_id": ticket.client_id, **related},
        )


def _ids(ticket: Ticket) -> dict[str, UUID]:
    return {"ticket_id": ticket.id, "client_id": ticket.client_id}
