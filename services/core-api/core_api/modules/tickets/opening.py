"""Opening tickets."""

from typing import Any

from core_api.blocked_clients import require_unblocked
from core_api.changes import made
from core_api.modules.clients.service import require_client
from core_api.modules.tickets.describing import described
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import TicketStatus
from core_api.modules.tickets.placing import placed
from core_api.modules.tickets.schemas import TicketCreate
from core_api.modules.tickets.work import CREATED, TicketWork
from shared_schemas.ids import new_id


class Opening(TicketWork):
    """Tickets that did not exist before."""

    async def create(self, given: TicketCreate) -> Ticket:
        """Opens a ticket of an existing client. ClientBlocked."""
        values = given.model_dump()
        await require_unblocked(self.tx, self.actor.organization_id, given.client_id)
        return await self._open(await described(self.tx, self.actor.organization_id, None, values))

    async def _open(self, values: dict[str, Any]) -> Ticket:
        await require_client(self.tx, self.actor.organization_id, values["client_id"])
        values = await placed(self.tx, self.actor.organization_id, None, values)
        ticket = Ticket(
            id=new_id(),
            organization_id=self.actor.organization_id,
            number=await self.tickets.next_number(),
            status=TicketStatus.NEW,
            created_by=self.actor.user_id,
            **values,
        )
        self.tx.add(ticket)
        told = {name: value for name, value in values.items() if name != "client_id"}
        await self._record(ticket, CREATED, made(told))
        return ticket
