"""Hearing a client whose ticket is done: it reopens, or a follow-up takes it up (ADR 017)."""

from uuid import UUID

from chassis.data.columns import utc_now
from core_api.changes import Change, Changes
from core_api.modules.desk.service import reopening_window
from core_api.modules.teams.roster import TeamNotFound, require_team
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.opening import Opening
from core_api.modules.tickets.relations.models import LinkKind
from core_api.modules.tickets.relations.repository import Links


class FollowingUp(Opening):
    """Finds, or makes, the ticket that what a client says belongs to."""

    async def _ticket_to_hear(self, ticket_id: UUID, body: str) -> tuple[Ticket, UUID | None]:
        """The ticket, locked, and the one it follows up, if the message was meant for that.

        A merged ticket hands over to the one that goes on in its place.
        """
        ticket = await self.tickets.get_standing_for_update(ticket_id)
        if not ticket.is_at_rest:
            return ticket, None
        asked_id = ticket.id
        window = await reopening_window(self.tx, self.actor.organization_id)
        now = utc_now()
        # Whoever comes at the same time waits for the first ticket's lock and then finds the
        # follow-up. Follow-ups are younger: locks are taken in the order of ids.
        while ticket.is_beyond(window, now):
            follow_up_id = await self.tickets.latest_follow_up(ticket.id)
            if follow_up_id is None:
                return await self._follow_up(ticket, body), asked_id
            ticket = await self.tickets.get_for_update(follow_up_id)
        return ticket, None if ticket.id == asked_id else asked_id

    async def _follow_up(self, ticket: Ticket, body: str) -> Ticket:
        follow_up = await self._open(
            {
                "client_id": ticket.client_id,
                "subject": ticket.subject,
                "description": body,
                "priority": ticket.priority,
                "channel": ticket.channel,
                "tags": ticket.tags,
                "category_id": ticket.category_id,
                "custom_fields": ticket.custom_fields,
                "team_id": await self._team_of(ticket),
                "follow_up_of_id": ticket.id,
            }
        )
        links = Links(self.tx, self.actor.organization_id)
        links.add(follow_up.id, ticket.id, LinkKind.FOLLOW_UP, self.actor.user_id)
        followed = Changes({"follow_ups": Change(None, follow_up.id)})
        await self._record(
            ticket, "ticket.followed_up", followed, related={"follow_up_id": follow_up.id}
        )
        return follow_up

    async def _team_of(self, ticket: Ticket) -> UUID | None:
        """The team, while there is one: a client is heard whatever has become of it."""
        if ticket.team_id is None:
            return None
        try:
            await require_team(self.tx, self.actor.organization_id, ticket.team_id)
        except TeamNotFound:
            return None
        return ticket.team_id
