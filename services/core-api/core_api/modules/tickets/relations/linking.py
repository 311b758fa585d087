"""What tickets have to do with each other, on the word of a person."""

from typing import Final
from uuid import UUID

from core_api.changes import Change, Changes
from core_api.modules.tickets.exceptions import (
    LinkExists,
    LinkIsHistory,
    LinkMakesCircle,
    TicketHasParent,
    TicketWithItself,
)
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.relations.models import LinkKind, TicketLink
from core_api.modules.tickets.relations.repository import Links
from core_api.modules.tickets.work import TicketWork

_HISTORY: Final = frozenset({LinkKind.FOLLOW_UP, LinkKind.SPLIT})


class Linking(TicketWork):
    """Links are made and undone; both tickets remember."""

    async def link(self, ticket_id: UUID, other_id: UUID, kind: LinkKind) -> TicketLink:
        """The ticket is a duplicate of the other, has it as its parent, or is related to it."""
        if ticket_id == other_id:
            raise TicketWithItself
        ticket, other = await self.tickets.lock_both(ticket_id, other_id)
        ticket.require_unmerged()
        other.require_unmerged()
        await self._require_sense(ticket, other, kind)
        link = self._links.add(ticket.id, other.id, kind, self.actor.user_id)
        linked = Changes({"links": Change(None, kind)})
        await self._record(ticket, "ticket.linked", linked, related=_related(link, other))
        await self._record(other, "ticket.linked", linked, related=_related(link, ticket))
        return link

    async def unlink(self, ticket_id: UUID, link_id: UUID) -> None:
        """Undoes a link that a person has made."""
        found = await self._links.get(link_id, ticket_id)
        ticket, other = await self.tickets.lock_both(found.ticket_id, found.other_id)
        link = await self._links.get(link_id, ticket_id)  # it may be gone by now
        if link.kind in _HISTORY:
            raise LinkIsHistory
        await self._links.remove(link)
        unlinked = Changes({"links": Change(link.kind, None)})
        await self._record(ticket, "ticket.unlinked", unlinked, related=_related(link, other))
        await self._record(other, "ticket.unlinked", unlinked, related=_related(link, ticket))

    async def _require_sense(self, ticket: Ticket, other: Ticket, kind: LinkKind) -> None:
        """Both are locked: nobody else links these two meanwhile."""
        if await self._links.between(ticket.id, other.id, kind) is not None:
            raise LinkExists
        if kind is not LinkKind.PARENT:
            return
        await self._links.lock()
        if await self._links.parent_of(ticket.id) is not None:
            raise TicketHasParent
        if await self._links.is_below(other.id, ticket.id):
            raise LinkMakesCircle

    @property
    def _links(self) -> Links:
        return Links(self.tx, self.actor.organization_id)


def _related(link: TicketLink, other: Ticket) -> dict[str, UUID]:
    return {"link_id": link.id, "other_ticket_id": other.id}
