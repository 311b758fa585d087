"""Who wants to know what happens to a ticket."""

from uuid import UUID

from core_api.changes import Change, Changes
from core_api.modules.organizations.service import require_member
from core_api.modules.tickets.exceptions import WatcherNotFound
from core_api.modules.tickets.relations.repository import Watchers
from core_api.modules.tickets.work import TicketWork
from shared_schemas.ids import UserId


class Watching(TicketWork):
    """Watchers come and go; the ticket itself does not change."""

    async def watch(self, ticket_id: UUID, member_id: UserId) -> None:
        """Adds a watcher; one who is there already stays."""
        ticket = await self.tickets.get_for_update(ticket_id)
        ticket.require_unmerged()
        await require_member(self.tx, self.actor.organization_id, member_id)
        added = await self._watchers.add(ticket.id, [member_id], self.actor.user_id)
        if added:
            changes = Changes({"watchers": Change(None, member_id)})
            await self._record(ticket, "ticket.watched", changes)

    async def unwatch(self, ticket_id: UUID, member_id: UserId) -> None:
        """Takes a watcher away, or WatcherNotFound."""
        ticket = await self.tickets.get_for_update(ticket_id)
        if not await self._watchers.remove(ticket.id, member_id):
            raise WatcherNotFound
        changes = Changes({"watchers": Change(member_id, None)})
        await self._record(ticket, "ticket.unwatched", changes)

    @property
    def _watchers(self) -> Watchers:
        return Watchers(self.tx, self.actor.organization_id)
