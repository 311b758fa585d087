"""Merging one ticket into another: nothing is copied but what was said stays where it was said, and
is shown where it goes on (ADR 017)."""

from uuid import UUID

from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.changes import Change
from core_api.modules.tickets.exceptions import MergeAcrossClients, TicketWithItself
from core_api.modules.tickets.messages.repository import Messages
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.relations.models import LinkKind, TicketLink
from core_api.modules.tickets.relations.repository import Links, Watchers
from core_api.modules.tickets.work import TicketWork, ids_of
from shared_schemas.events import TicketMerged


class Merging(TicketWork):
    """Two tickets about the same thing become one."""

    async def merge(
        self, source_id: UUID, target_id: UUID, reason: str | None, seen_version: int | None
    ) -> Ticket:
        """Closes the source; the target goes on with its messages, watchers, tags and links."""
        if source_id == target_id:
            raise TicketWithItself
        source, target = await self.tickets.lock_both(source_id, target_id)
        check_version(source.version, seen_version)
        source_changes, target_changes = source.move(Move.MERGE), target.move(Move.ABSORB)
        if source.client_id != target.client_id:
            raise MergeAcrossClients
        source_changes |= source.change({"merged_into_id": target.id})
        tags = list(dict.fromkeys([*target.tags, *source.tags]))
        target_changes |= target.change({"tags": tags, "last_message_at": _latest(source, target)})
        await self._hand_over_drafts(source, target)
        await self._unite_watchers(source, target)
        await self._unite_links(source, target)
        target_changes |= {"merged": Change(None, source.id)}
        into, out_of = {"into_ticket_id": target.id}, {"source_ticket_id": source.id}
        outbox.add(self.tx, TicketMerged.by(self.actor, **ids_of(source), **into))
        await self._record(source, "ticket.merged", source_changes, related=into, reason=reason)
        await self._record(target, "ticket.absorbed", target_changes, related=out_of, reason=reason)
        return target

    async def _hand_over_drafts(self, source: Ticket, target: Ticket) -> None:
        """What nobody has sent can still be sent, which nothing of a merged ticket could."""
        messages = Messages(self.tx, self.actor.organization_id)
        for draft in await messages.drafts_for_update(source.id):
            draft.origin_ticket_id = draft.origin_ticket_id or source.id
            draft.ticket_id = target.id

    async def _unite_watchers(self, source: Ticket, target: Ticket) -> None:
        watchers = Watchers(self.tx, self.actor.organization_id)
        await watchers.add(target.id, await watchers.ids(source.id), self.actor.user_id)

    async def _unite_links(self, source: Ticket, target: Ticket) -> None:
        """The links of the source become the target's. What would make no sense there is dropped:
        a link to itself, a double; a second parent or a circle becomes a plain relation."""
        links = Links(self.tx, self.actor.organization_id)
        if not await links.all_of(source.id):
            return
        await links.lock()  # the ticket at another end may be merged at this moment, too
        theirs = await links.all_of(source.id)
        for link in theirs:
            await links.remove(link)
        await self.tx.flush()
        for link in theirs:
            await self._take_over(links, link, source, target)

    async def _take_over(
        self, links: Links, link: TicketLink, source: Ticket, target: Ticket
    ) -> None:
        subject_id = target.id if link.ticket_id == source.id else link.ticket_id
        other_id = target.id if link.other_id == source.id else link.other_id
        if subject_id == other_id:
            return
        kind = link.kind
        if kind is LinkKind.PARENT and (
            await links.parent_of(subject_id) is not None
            or await links.is_below(other_id, subject_id)
        ):
            kind = LinkKind.RELATED
        if await links.between(subject_id, other_id, kind) is None:
            links.add(subject_id, other_id, kind, link.created_by)
            await self.tx.flush()


def _latest(source: Ticket, target: Ticket) -> object:
    times = [at for at in (source.last_message_at, target.last_message_at) if at is not None]
    return max(times, default=None)
