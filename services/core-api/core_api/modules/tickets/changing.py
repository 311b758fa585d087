"""Changing a ticket's fields, and whose it is."""

from typing import Any
from uuid import UUID

from chassis.web.etag import check_version
from core_api.modules.organizations.service import require_member
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.work import TicketWork
from shared_schemas.ids import UserId


class Changing(TicketWork):
    """What is written on a ticket."""

    async def change(
        self, ticket_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Ticket:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        changes = ticket.change(values)
        if changes:
            await self._record(ticket, "ticket.updated", changes)
        return ticket

    async def assign(
        self, ticket_id: UUID, assignee_id: UserId | None, seen_version: int | None
    ) -> Ticket:
        """Gives the ticket to a member, or to nobody."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        if assignee_id is not None:
            await require_member(self.tx, self.actor.organization_id, assignee_id)
        move = Move.UNASSIGN if assignee_id is None else Move.ASSIGN
        changes = ticket.move(move) | ticket.change({"assignee_id": assignee_id})
        if changes:
            await self._record(ticket, "ticket.assigned", changes)
        return ticket
