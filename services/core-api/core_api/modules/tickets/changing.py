"""Changing a ticket's fields, and whose it is."""

from typing import Any
from uuid import UUID

from chassis.web.etag import check_version
from core_api.modules.tickets.describing import described
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.placing import placed
from core_api.modules.tickets.work import TicketWork


class Changing(TicketWork):
    """What is written on a ticket."""

    async def change(
        self, ticket_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Ticket:
        """Applies a whole PATCH or nothing. `seen_version`: from If-Match."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        ticket.require_unmerged()
        values = await described(self.tx, self.actor.organization_id, ticket, values)
        values = await placed(self.tx, self.actor.organization_id, ticket, values)
        changes = ticket.change(values)
        if changes:
            await self._record(ticket, "ticket.updated", changes)
        return ticket

    async def assign(
        self, ticket_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Ticket:
        """Gives the ticket to a member, to nobody, to a team: `assignee_id`, `team_id` or both."""
        ticket = await self.tickets.get_for_update(ticket_id)
        check_version(ticket.version, seen_version)
        values = await placed(self.tx, self.actor.organization_id, ticket, values)
        nobody = values.get("assignee_id", ticket.assignee_id) is None
        move = Move.UNASSIGN if nobody else Move.ASSIGN
        changes = ticket.move(move) | ticket.change(values)
        if changes:
            await self._record(ticket, "ticket.assigned", changes)
        return ticket
