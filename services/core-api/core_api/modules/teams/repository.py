"""Teams and their members in the database."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.teams.choosing import Candidate
from core_api.modules.teams.exceptions import TeamMemberNotFound, TeamNotFound
from core_api.modules.teams.models import (
    Absence,
    AssignmentMode,
    AssignmentSweep,
    Attendant,
    Availability,
    Team,
    TeamMember,
    TeamRotation,
)
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import ROLE_PERMISSIONS, Permission

BY_NAME: Final = Keyset(name="name", column=Team.name, id=Team.id, parse=str)
LONGEST_IN_TEAM: Final = Keyset(
    name="created_at",
    column=TeamMember.created_at,
    id=TeamMember.member_id,
    parse=datetime.fromisoformat,
)

# Only counted here: everything else about tickets is the business of their own context.
_TICKETS: Final = sa.table(
    "tickets",
    sa.column("organization_id", sa.Uuid()),
    sa.column("team_id", sa.Uuid()),
    sa.column("assignee_id", sa.Uuid()),
    sa.column("status", sa.Text()),
    schema=SCHEMA,
)
_MEMBERS: Final = sa.table(
    "members",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("name", sa.Text()),
    sa.column("roles", ARRAY(sa.Text())),
    schema=SCHEMA,
)
_ATTENDING: Final = [
    role.value for role, may in ROLE_PERMISSIONS.items() if Permission.TICKETS_WRITE in may
]
"""The roles one answers tickets by."""
# In the words of the partial index ix_tickets_team_queue: bound values would not match it.
_UNFINISHED: Final = sa.and_(
    _TICKETS.c.team_id.is_not(None),
    sa.literal_column(f"{SCHEMA}.tickets.status").not_in(
        [sa.literal_column("'resolved'"), sa.literal_column("'closed'")]
    ),
)
_SKILLS: Final = sa.func.coalesce(Attendant.skills, sa.cast(sa.literal([]), ARRAY(sa.Text())))
_AVAILABILITY: Final = sa.func.coalesce(Attendant.availability, Availability.AVAILABLE)


def absent_now(organization_id: Any, member_id: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Whether one of the absences entered beforehand covers `now`."""
    return (
        sa.exists()
        .where(
            Absence.organization_id == organization_id,
            Absence.member_id == member_id,
            Absence.starts_at <= now,
            Absence.ends_at > now,
        )
        .correlate(TeamMember, Attendant, _MEMBERS)
    )


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
            _TICKETS.c.organization_id == Team.organization_id,
            _TICKETS.c.team_id == Team.id,
            _UNFINISHED,
        )
        waiting = sa.exists().where(of_team, _TICKETS.c.assignee_id.is_(None))
        in_team = sa.exists().where(
            TeamMember.organization_id == Team.organization_id,
            TeamMember.team_id == Team.id,
            TeamMember.member_id == _TICKETS.c.assignee_id,
        )
        lost = sa.exists().where(of_team, _TICKETS.c.assignee_id.is_not(None), ~in_team)
        away = sa.exists().where(_same_person(), Attendant.availability == Availability.AWAY)
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
        counted = sa.select(sa.func.count()).select_from(_TICKETS)
        counted = counted.where(
            _TICKETS.c.organization_id == self._organization_id,
            _TICKETS.c.team_id == team_id,
            _UNFINISHED,
        )
        return (await self._session.scalar(counted)) or 0

    def _mine(self) -> sa.Select[Team]:
        return sa.select(Team).where(
            Team.organization_id == self._organization_id, Team.archived_at.is_(None)
        )


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
            _MEMBERS.c.roles.overlap(_ATTENDING),
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
            .outerjoin(Attendant, _same_person())
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
            _MEMBERS.c.name,
            _AVAILABILITY.label("availability"),
            absent_now(TeamMember.organization_id, TeamMember.member_id, now).label("absent"),
        )
        return statement.where(TeamMember.team_id == team_id)

    def _with_person(self, *columns: Any) -> sa.Select[Any]:
        person = sa.and_(
            _MEMBERS.c.organization_id == TeamMember.organization_id,
            _MEMBERS.c.id == TeamMember.member_id,
        )
        return self._with_load(*columns).join(_MEMBERS, person)

    def _with_load(self, *columns: Any) -> sa.Select[Any]:
        load = (
            sa.select(sa.func.count())
            .select_from(_TICKETS)
            .where(
                _TICKETS.c.organization_id == TeamMember.organization_id,
                _TICKETS.c.team_id == TeamMember.team_id,
                _TICKETS.c.assignee_id == TeamMember.member_id,
                _UNFINISHED,
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
            .outerjoin(Attendant, _same_person())
            .where(*self._mine())
        )

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return (TeamMember.organization_id == self._organization_id,)


def _same_person() -> sa.ColumnElement[bool]:
    return sa.and_(
        Attendant.organization_id == TeamMember.organization_id,
        Attendant.member_id == TeamMember.member_id,
    )
