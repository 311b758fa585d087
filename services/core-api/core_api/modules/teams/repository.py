"""Teams in the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.teams.conditions import TICKETS, UNFINISHED, absent_now, same_person
from core_api.modules.teams.exceptions import TeamNotFound
from core_api.modules.teams.models import (
    AssignmentMode,
    AssignmentSweep,
    Attendant,
    Availability,
    Team,
    TeamMember,
    TeamRotation,
)
from shared_schemas.ids import OrganizationId

BY_NAME: Final = Keyset(name="name", column=Team.name, id=Team.id, parse=str)


class Teams:
    """The teams of one organization. Archived ones are not there."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, team_id: UUID) -> Team:
        """The team, or TeamNotFound."""
        team = await self.find(team_id)
        if team is None:
            raise TeamNotFound
        return team

    async def find(self, team_id: UUID, *, keep: bool = False) -> Team | None:
        """The team, or None; with `keep` nobody archives it before the commit."""
        statement = self._mine().where(Team.id == team_id)
        if keep:
            statement = statement.with_for_update(read=True, key_share=True)
        return (await self._session.scalars(statement)).one_or_none()

    async def get_for_update(self, team_id: UUID, *, against_entering: bool = False) -> Team:
        """The team, locked until the end of the transaction, or TeamNotFound.

        Tickets may enter it meanwhile, unless `against_entering`: they hold a share of its key.
        """
        statement = self._mine().where(Team.id == team_id)
        statement = statement.with_for_update(key_share=not against_entering)
        team = (await self._session.scalars(statement)).one_or_none()
        if team is None:
            raise TeamNotFound
        return team

    async def list(self, page: CursorPage) -> Sequence[Team]:
        """A page, by name."""
        return (await self._session.scalars(BY_NAME.page(self._mine(), page))).all()

    async def among(self, team_ids: Iterable[UUID]) -> Sequence[Team]:
        """Those that exist, as they are now, by id."""
        statement = self._mine().where(Team.id.in_(team_ids)).order_by(Team.id)
        fresh = statement.execution_options(populate_existing=True)
        return (await self._session.scalars(fresh)).all()

    async def to_sweep(self, now: datetime) -> Sequence[UUID]:
        """Those in which something waits, or is held by who is absent or not in the team."""
        of_team = sa.and_(
            TICKETS.c.organization_id == Team.organization_id,
            TICKETS.c.team_id == Team.id,
            UNFINISHED,
        )
        waiting = sa.exists().where(of_team, TICKETS.c.assignee_id.is_(None))
        in_team = sa.exists().where(
            TeamMember.organization_id == Team.organization_id,
            TeamMember.team_id == Team.id,
            TeamMember.member_id == TICKETS.c.assignee_id,
        )
        lost = sa.exists().where(of_team, TICKETS.c.assignee_id.is_not(None), ~in_team)
        away = sa.exists().where(same_person(), Attendant.availability == Availability.AWAY)
        gone = sa.exists().where(
            TeamMember.organization_id == Team.organization_id,
            TeamMember.team_id == Team.id,
            sa.or_(away, absent_now(TeamMember.organization_id, TeamMember.member_id, now)),
        )
        statement = sa.select(Team.id).where(
            Team.organization_id == self._organization_id,
            Team.archived_at.is_(None),
            sa.or_(
                sa.and_(Team.mode != AssignmentMode.MANUAL, waiting),
                sa.and_(Team.absence_limit_minutes.is_not(None), gone),
                lost,
            ),
        )
        return (await self._session.scalars(statement.order_by(Team.id))).all()

    async def add(self, team: Team) -> None:
        """With its rotation, and known to the sweep."""
        self._session.add(team)
        await self._session.flush()
        self._session.add(TeamRotation(organization_id=team.organization_id, team_id=team.id))
        swept = insert(AssignmentSweep).values(organization_id=team.organization_id)
        await self._session.execute(swept.on_conflict_do_nothing())

    async def lock(self, team_ids: Iterable[UUID]) -> Sequence[TeamRotation]:
        """Locks the rotations in order of id: nobody else assigns within these teams."""
        statement = (
            sa.select(TeamRotation)
            .where(
                TeamRotation.organization_id == self._organization_id,
                TeamRotation.team_id.in_(sorted(team_ids)),
            )
            .order_by(TeamRotation.team_id)
            .with_for_update()
        )
        fresh = statement.execution_options(populate_existing=True)
        return (await self._session.scalars(fresh)).all()

    async def unfinished(self, team_id: UUID) -> int:
        """How many tickets of the team are not resolved or closed."""
        counted = sa.select(sa.func.count()).select_from(TICKETS)
        counted = counted.where(
            TICKETS.c.organization_id == self._organization_id,
            TICKETS.c.team_id == team_id,
            UNFINISHED,
        )
        return (await self._session.scalar(counted)) or 0

    def _mine(self) -> sa.Select[Team]:
        return sa.select(Team).where(
            Team.organization_id == self._organization_id, Team.archived_at.is_(None)
        )
