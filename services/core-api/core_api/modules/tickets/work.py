"""What every use case on tickets shares: the transaction, the rows, and one way to record."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from core_api.changes import Change, Changes
from core_api.modules.audit import service as audit
from core_api.modules.sla import service as sla
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.repository import Tickets
from core_api.modules.tickets.search import index as search_index
from core_api.modules.tickets.team_queue import TeamQueue
from core_api.modules.tickets.timekeeping import moment_of, take_over
from shared_schemas.actor import Actor
from shared_schemas.events import (
    BaseEvent,
    TicketCreated,
    TicketMessageAdded,
    TicketResolved,
    TicketUpdated,
)
from shared_schemas.ids import new_id

CREATED: Final = "ticket.created"
RESOLVED: Final = "ticket.resolved"
_NOTHING: Final[Mapping[str, UUID]] = MappingProxyType({})


class TicketWork:
    """The commands on tickets, in the transaction of one request. Use cases derive from it."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.tickets = Tickets(tx, actor.organization_id)
        self.queue = TeamQueue(tx, actor.organization_id, self._assigned)

    async def _record(
        self,
        ticket: Ticket,
        action: str,
        changes: Changes,
        *,
        message: TicketMessage | None = None,
        related: Mapping[str, UUID] = _NOTHING,
        reason: str | None = None,
    ) -> None:
        """The one place every change of a ticket passes through, after it was made.

        Writes it down, tells the other services, and has everything that follows a ticket's life
        take note. `changes` says from what to what; `message` is the one that was added, if any.
        """
        moment = moment_of(ticket, self.actor, action, changes, message)
        levels = await sla.follow(self.tx, moment)
        if levels is not None:
            take_over(ticket, levels)
        for event in self._happenings(ticket, action, changes, message):
            outbox.add(self.tx, event)
        said = {} if message is None else {"message_id": message.id}
        await audit.record(
            self.tx,
            self.actor,
            action,
            ticket.id,
            changes=changes,
            about=ticket.client_id,
            personal=Ticket.PERSONAL,
            related={"client_id": ticket.client_id, **said, **related},
            reason=reason,
        )
        await self.tx.flush()
        await search_index.refresh(self.tx, ticket, changes, message)
        if levels is not None:
            await levels.write()
        await self.queue.follow(ticket, changes)

    async def _assigned(self, ticket: Ticket, action: str, changes: Changes, why: str) -> None:
        await self._record(ticket, action, changes, reason=why)

    def _happenings(
        self, ticket: Ticket, action: str, changes: Changes, message: TicketMessage | None
    ) -> Iterator[BaseEvent]:
        ids = ids_of(ticket)
        if action == CREATED:
            yield TicketCreated.by(self.actor, **ids)
        else:
            yield TicketUpdated.by(self.actor, **ids, changed=sorted(changes))
        if action == RESOLVED:
            yield TicketResolved.by(self.actor, **ids)
        if message is not None and message.kind is not MessageKind.DRAFT:
            said = {"message_id": message.id, "kind": message.kind.value}
            yield TicketMessageAdded.by(self.actor, **ids, **said)

    def _say(self, ticket: Ticket, kind: MessageKind, body: str) -> tuple[TicketMessage, Changes]:
        """A new message of the ticket, and what that changes of the ticket."""
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
        said = ticket.said(kind, message.created_at)
        return message, said | {"messages": Change(None, message.id)}


def ids_of(ticket: Ticket) -> dict[str, UUID]:
    """What every event about a ticket carries."""
    return {"ticket_id": ticket.id, "client_id": ticket.client_id}
