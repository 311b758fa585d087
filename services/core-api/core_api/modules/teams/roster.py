"""What tickets ask of teams: whether somebody may have one, and whose turn it is.

Lock order: tickets, their client, shares of the team and the membership, rotations by team id. Who
holds a rotation waits for nothing more: of a queue only tickets are taken that nobody else holds.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.teams.choosing import WHY, Candidate, next_of
from core_api.modules.teams.exceptions import NotInTeam, TeamNotFound
from core_api.modules.teams.memberships import TeamMembers
from core_api.modules.teams.models import AssignmentMode, Team, TeamRotation
from core_api.modules.teams.repository import Teams
from shared_schemas.ids import OrganizationId, UserId

__all__ = ["LockedTeam", "NotInTeam", "TeamNotFound", "lock_teams", "require_team"]


async def require_team(
    session: AsyncSession,
    organization_id: OrganizationId,
    team_id: UUID,
    assignee_id: UserId | None = None,
) -> None:
    """TeamNotFound unless it exists, NotInTeam unless the assignee, if any, is in it.

    Both then stay until the commit.
    """
    if await Teams(session, organization_id).find(team_id, keep=True) is None:
        raise TeamNotFound
    if assignee_id is not None and not await is_in_team(
        session, organization_id, team_id, assignee_id
    ):
        raise NotInTeam(member_id=assignee_id)


async def is_in_team(
    session: AsyncSession, organization_id: OrganizationId, team_id: UUID, member_id: UserId
) -> bool:
    """Whether somebody is in a team; who is stays until the commit."""
    members = TeamMembers(session, organization_id)
    return await members.find(team_id, member_id, keep=True) is not None


class LockedTeam:
    """A team within which nobody else assigns before the end of the transaction."""

    def __init__(
        self, members: TeamMembers, team: Team, rotation: TeamRotation, now: datetime
    ) -> None:
        self.id = team.id
        self._members = members
        self._mode = team.mode
        self._limit = team.absence_limit_minutes
        self._rotation = rotation
        self._now = now
        self._candidates: Sequence[Candidate] = ()

    @property
    def why(self) -> str:
        """The reason of an assignment, for the audit log."""
        return WHY[self._mode]

    @property
    def has_room(self) -> bool:
        """Whether somebody who is here can take one more ticket."""
        return any(one.is_free for one in self._candidates)

    async def call_up(self) -> None:
        """Finds out who is available; nobody where people assign by hand."""
        if self._mode is not AssignmentMode.MANUAL:
            self._candidates = await self._members.candidates(self.id, self._now)
        for one in self._candidates:
            one.last_turn = self._rotation.last_turns.get(str(one.member_id), 0)

    def next(self, needed: frozenset[str]) -> UserId | None:
        """Who gets a ticket that needs these skills, counting it as theirs; None: it waits."""
        chosen = next_of(self._mode, self._candidates, needed)
        if chosen is None:
            return None
        rotation = self._rotation
        rotation.turns += 1
        rotation.last_turns = rotation.last_turns | {str(chosen.member_id): rotation.turns}
        chosen.take(rotation.turns)
        return chosen.member_id

    async def long_absent(self) -> frozenset[UserId]:
        """Who has been absent for longer than the team allows."""
        if self._limit is None:
            return frozenset()
        limit = timedelta(minutes=self._limit)
        return frozenset(await self._members.absent_longer(self.id, limit, self._now))

    def everybody(self) -> sa.Select[UserId]:
        """Who is in the team, as a subquery."""
        return self._members.of_team(self.id)


async def lock_teams(
    session: AsyncSession, organization_id: OrganizationId, team_ids: Iterable[UUID]
) -> list[LockedTeam]:
    """The teams, each with its rotation locked; without those that are archived."""
    teams, members = Teams(session, organization_id), TeamMembers(session, organization_id)
    rotations = {rotation.team_id: rotation for rotation in await teams.lock(team_ids)}
    # Read only now: what others did before they let go of the rotations has to be seen.
    found = await teams.among(rotations)
    now = utc_now()
    return [LockedTeam(members, team, rotations[team.id], now) for team in found]
