"""Setting up teams and who is in them."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.changes import Change, Changes, made, removed
from core_api.modules.audit import service as audit
from core_api.modules.organizations.service import member_permissions, require_member
from core_api.modules.teams.exceptions import CannotAttend, TeamHasTickets
from core_api.modules.teams.memberships import TeamMembers
from core_api.modules.teams.models import Team, TeamMember
from core_api.modules.teams.repository import Teams
from core_api.modules.teams.schemas import TeamCreate
from core_api.modules.tickets.service import TicketService
from shared_schemas.actor import Actor
from shared_schemas.events import TeamMembersChanged
from shared_schemas.ids import UserId, new_id
from shared_schemas.permissions import Permission


class TeamService:
    """The commands on teams, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.teams = Teams(tx, actor.organization_id)
        self.members = TeamMembers(tx, actor.organization_id)
        self.queue = TicketService(tx, actor).queue

    async def create(self, given: TeamCreate) -> Team:
        """A team without members."""
        values = given.model_dump()
        team = Team(id=new_id(), organization_id=self.actor.organization_id, **values)
        await self.teams.add(team)
        await self._record("team.created", team.id, made(values))
        return team

    async def change(self, team_id: UUID, values: dict[str, Any], seen_version: int | None) -> Team:
        """Applies a whole PATCH or nothing; another mode gives out what waits."""
        team = await self.teams.get_for_update(team_id)
        check_version(team.version, seen_version)
        changes = team.change(values)
        if changes:
            await self._record("team.updated", team.id, changes)
        if "mode" in changes:
            await self.queue.settle([team.id])
        return team

    async def archive(self, team_id: UUID, seen_version: int | None) -> None:
        """Makes a team without unfinished tickets unfindable; finished ones keep it."""
        team = await self.teams.get_for_update(team_id, against_entering=True)
        check_version(team.version, seen_version)
        tickets = await self.teams.unfinished(team_id)
        if tickets:
            raise TeamHasTickets(tickets=tickets)
        changes = team.change({"archived_at": utc_now()})
        await self._record("team.archived", team.id, changes)

    async def put_member(
        self, team_id: UUID, member_id: UserId, capacity: int, seen_version: int | None
    ) -> tuple[TeamMember, bool]:
        """Takes somebody into the team, or changes how much they take; whether they are new."""
        await self.teams.get_for_update(team_id)  # two that take in the same person queue here
        await require_member(self.tx, self.actor.organization_id, member_id)
        may = await member_permissions(self.tx, self.actor.organization_id, member_id)
        if Permission.TICKETS_WRITE not in may:
            raise CannotAttend
        member = await self.members.find(team_id, member_id, lock=True)
        is_new = member is None
        if member is None:
            member = await self._take_in(team_id, member_id, capacity)
        else:
            check_version(member.version, seen_version)
            await self._set_capacity(member, capacity)
        await self.queue.settle([team_id])
        return member, is_new

    async def remove_member(
        self, team_id: UUID, member_id: UserId, seen_version: int | None
    ) -> None:
        """Lets somebody go; their unfinished tickets of the team go back to its queue."""
        await self.teams.get(team_id)
        member = await self.members.get_for_update(team_id, member_id)
        check_version(member.version, seen_version)
        gone = removed({"member_id": member_id, "capacity": member.capacity})
        await self.tx.delete(member)
        self._tell(team_id, removed=(member_id,))
        await self._record("team.member_removed", team_id, gone, member_id)
        await self.queue.recover(team_id)

    async def _take_in(self, team_id: UUID, member_id: UserId, capacity: int) -> TeamMember:
        member = TeamMember(
            organization_id=self.actor.organization_id,
            team_id=team_id,
            member_id=member_id,
            capacity=capacity,
        )
        self.tx.add(member)
        self._tell(team_id, added=(member_id,))
        values = {"member_id": member_id, "capacity": capacity}
        await self._record("team.member_added", team_id, made(values), member_id)
        return member

    async def _set_capacity(self, member: TeamMember, capacity: int) -> None:
        if member.capacity == capacity:
            return
        changes = Changes({"capacity": Change(member.capacity, capacity)})
        member.capacity = capacity
        await self._record("team.member_changed", member.team_id, changes, member.member_id)

    def _tell(self, team_id: UUID, **changed: tuple[UserId, ...]) -> None:
        """Others keep in mind who is in which team: what may be read depends on it."""
        outbox.add(self.tx, TeamMembersChanged.by(self.actor, team_id=team_id, **changed))

    async def _record(
        self, action: str, team_id: UUID, changes: Changes, member_id: UserId | None = None
    ) -> None:
        related = {} if member_id is None else {"member_id": UUID(str(member_id))}
        await audit.record(self.tx, self.actor, action, team_id, changes=changes, related=related)
        await self.tx.flush()
