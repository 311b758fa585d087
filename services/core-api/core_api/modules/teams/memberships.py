"""Who is in which team, in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.teams.choosing import Candidate
from core_api.modules.teams.conditions import MEMBERS, TICKETS, UNFINISHED, absent_now, same_person
from core_api.modules.teams.exceptions import TeamMemberNotFound
from core_api.modules.teams.models import (
    Absence,
    Attendant,
    Availability,
    TeamMember,
)
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import ROLE_PERMISSIONS, Permission

LONGEST_IN_TEAM: Final = Keyset(
    name="created_at",
    column=TeamMember.created_at,
    id=TeamMember.member_id,
    parse=datetime.fromisoformat,
)

_ATTENDING: Final = [
    role.value for role, may in ROLE_PERMISSIONS.items() if Permission.TICKETS_WRITE in may
]
"""The roles one answers tickets by."""
_SKILLS: Final = sa.func.coalesce(Attendant.skills, sa.cast(sa.literal([]), ARRAY(sa.Text())))
_AVAILABILITY: Final = sa.func.coalesce(Attendant.availability, Availability.AVAILABLE)


class TeamMembers:
    """Who is in the teams of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def find(
        self, team_id: UUID, member_id: UserId, *, lock: bool = False, keep: bool = False
    ) -> TeamMember | None:
        """The membership, or None; with `keep` it does not end before the commit."""
        statement = sa.select(TeamMember).where(
            *self._mine(), TeamMember.team_id == team_id, TeamMember.member_id == member_id
        )
        if lock or keep:
            statement = statement.with_for_update(read=keep, key_share=keep)
        return (await self._session.scalars(statement)).one_or_none()

    async def get_for_update(self, team_id: UUID, member_id: UserId) -> TeamMember:
        """The membership, locked, or TeamMemberNotFound."""
        member = await self.find(team_id, member_id, lock=True)
        if member is None:
            raise TeamMemberNotFound
        return member

    async def teams_of(self, member_id: UserId) -> Sequence[UUID]:
        """The teams somebody is in."""
        statement = sa.select(TeamMember.team_id).where(
            *self._mine(), TeamMember.member_id == member_id
        )
        return (await self._session.scalars(statement)).all()

    async def list(self, team_id: UUID, page: CursorPage, now: datetime) -> Sequence[sa.Row[Any]]:
        """A page of a team's members with what there is to know about them."""
        statement = LONGEST_IN_TEAM.page(self._shown(team_id, now), page)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    async def show(self, team_id: UUID, member_id: UserId, now: datetime) -> Any:
        """The same of one who is in the team."""
        statement = self._shown(team_id, now).where(TeamMember.member_id == member_id)
        return (await self._session.execute(statement)).one()

    async def candidates(self, team_id: UUID, now: datetime) -> Sequence[Candidate]:
        """Who is available now and may answer tickets, with how much they have."""
        statement = self._with_person().where(
            TeamMember.team_id == team_id,
            MEMBERS.c.roles.overlap(_ATTENDING),
            _AVAILABILITY == Availability.AVAILABLE,
            ~absent_now(TeamMember.organization_id, TeamMember.member_id, now),
        )
        return [
            Candidate(
                member_id=row.member_id,
                capacity=row.capacity,
                joined_at=row.created_at,
                skills=frozenset(row.skills),
                load=row.open_tickets,
            )
            for row in await self._session.execute(statement)
        ]

    async def absent_longer(self, team_id: UUID, limit: Any, now: datetime) -> Sequence[UserId]:
        """Who has been away, or in an absence, for `limit` or longer without a break."""
        since = now - limit
        away = sa.and_(
            Attendant.availability == Availability.AWAY, Attendant.availability_since <= since
        )
        long_gone = sa.exists().where(
            Absence.organization_id == TeamMember.organization_id,
            Absence.member_id == TeamMember.member_id,
            Absence.starts_at <= since,
            Absence.ends_at > now,
        )
        statement = (
            sa.select(TeamMember.member_id)
            .outerjoin(Attendant, same_person())
            .where(*self._mine(), TeamMember.team_id == team_id, sa.or_(away, long_gone))
        )
        return (await self._session.scalars(statement)).all()

    def of_team(self, team_id: UUID) -> sa.Select[UserId]:
        """Everybody in a team, as a subquery."""
        return sa.select(TeamMember.member_id).where(*self._mine(), TeamMember.team_id == team_id)

    def _shown(self, team_id: UUID, now: datetime) -> sa.Select[Any]:
        statement = self._with_person(
            TeamMember.team_id,
            TeamMember.version,
            MEMBERS.c.name,
            _AVAILABILITY.label("availability"),
            absent_now(TeamMember.organization_id, TeamMember.member_id, now).label("absent"),
        )
        return statement.where(TeamMember.team_id == team_id)

    def _with_person(self, *columns: Any) -> sa.Select[Any]:
        person = sa.and_(
            MEMBERS.c.organization_id == TeamMember.organization_id,
            MEMBERS.c.id == TeamMember.member_id,
        )
        return self._with_load(*columns).join(MEMBERS, person)

    def _with_load(self, *columns: Any) -> sa.Select[Any]:
        load = (
            sa.select(sa.func.count())
            .select_from(TICKETS)
            .where(
                TICKETS.c.organization_id == TeamMember.organization_id,
                TICKETS.c.team_id == TeamMember.team_id,
                TICKETS.c.assignee_id == TeamMember.member_id,
                UNFINISHED,
            )
            .correlate(TeamMember)
            .scalar_subquery()
        )
        return (
            sa.select(
                TeamMember.member_id,
                TeamMember.capacity,
                TeamMember.created_at,
                _SKILLS.label("skills"),
                load.label("open_tickets"),
                *columns,
            )
            .outerjoin(Attendant, same_person())
            .where(*self._mine())
        )

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (TeamMember.organization_id == self._organization_id,)
