"""The commands on tickets, and what other contexts may ask of them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.dependencies import TenantRows
from core_api.modules.tickets.bulk.running import Bulk
from core_api.modules.tickets.client_moves import ClientMoves
from core_api.modules.tickets.contents import AccessReasonRequired, ContentsReader, shown
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.messages.models import MessageKind
from core_api.modules.tickets.messages.schemas import MessageCreate
from core_api.modules.tickets.models import Ticket, TicketPriority
from core_api.modules.tickets.moves import Move, TicketStatus
from core_api.modules.tickets.relations.linking import Linking
from core_api.modules.tickets.relations.merging import Merging
from core_api.modules.tickets.relations.splitting import Splitting
from core_api.modules.tickets.repository import Tickets, read_ticket
from core_api.modules.tickets.schemas import TicketRead
from core_api.modules.tickets.team_queue import settled_at_the_end
from core_api.modules.tickets.wording import STATUS_NAMES
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

__all__ = [
    "STATUS_NAMES",
    "AccessReasonRequired",
    "ContentsReader",
    "MessageCreate",
    "MessageKind",
    "Move",
    "Ticket",
    "TicketAsked",
    "TicketNotFound",
    "TicketPriority",
    "TicketRead",
    "TicketService",
    "TicketStatus",
    "check_ticket",
    "follow_client",
    "require_ticket",
    "settled_at_the_end",
    "shown",
    "standing_ticket",
]


@dataclass(frozen=True, slots=True)
class TicketAsked:
    """What other contexts need to know of a ticket."""

    id: UUID
    client_id: UUID


async def require_ticket(
    session: AsyncSession, organization_id: OrganizationId, ticket_id: UUID, *, lock: bool = False
) -> TicketAsked:
    """For other contexts: TicketNotFound unless it exists; locked, until the transaction ends."""
    client_id = await Tickets(session, organization_id).client_of(ticket_id, lock=lock)
    return TicketAsked(ticket_id, client_id)


async def standing_ticket(
    session: AsyncSession, organization_id: OrganizationId, ticket_id: UUID
) -> TicketAsked:
    """For other contexts: the ticket, or the one that goes on in its place since it was merged;
    locked until the transaction ends. TicketNotFound."""
    ticket = await Tickets(session, organization_id).get_standing_for_update(ticket_id)
    return TicketAsked(ticket.id, ticket.client_id)


async def follow_client(
    session: AsyncSession,
    actor: Actor,
    ticket_ids: Collection[UUID],
    before: UUID,
    now: UUID,
    *,
    reason: str | None = None,
) -> None:
    """For the merging of clients: their tickets remember that they went from one to the other."""
    await TicketService(session, actor).follow_client(ticket_ids, before, now, reason)


async def check_ticket(rows: TenantRows, organization_id: OrganizationId, ticket_id: UUID) -> None:
    """For other contexts: TicketNotFound unless it exists; in a transaction of its own."""
    await read_ticket(rows, organization_id, ticket_id)


class TicketService(Bulk, Linking, Merging, Splitting, ClientMoves):
    """Every use case on tickets, in the transaction of one request."""
