"""Tickets that wait in a team's queue, and how they find somebody by themselves.

Lock order: tickets by id, then their client, then the teams' rotations by id; after that nothing is
waited for. Whoever changes many tickets in one transaction locks all of them first and wraps the
changes in `settled_at_the_end`, so that the rotations come last and in order.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.changes import Change, Changes
from core_api.modules.teams.roster import LockedTeam, lock_teams
from core_api.modules.teams.skills import NOTHING, NeededSkills, needed_skills
from core_api.modules.tickets.models import Ticket, TicketPriority
from core_api.modules.tickets.moves import AT_REST, Move
from core_api.modules.tickets.repository import UNFINISHED
from shared_schemas.ids import OrganizationId

ASSIGNED: Final = "ticket.assigned"
ABSENT: Final = "auto: absence"
LEFT: Final = "auto: not in the team"
_DUE: Final = "teams_to_settle"
"""Key in `session.info`: teams to be settled when the changes under way are all made."""
_AT_ONCE: Final = 100
_LOOKED_AT: Final = 500
"""So many are looked at when nobody can take the first ones of a queue; by the sweep, all."""

_RANK: Final = sa.case(
    {
        TicketPriority.URGENT: 0,
        TicketPriority.HIGH: 1,
        TicketPriority.NORMAL: 2,
    },
    value=Ticket.priority,
    else_=3,
)

Note = Callable[[Ticket, str, Changes, str], Awaitable[None]]
"""Ticket, action, changes, reason: writes an assignment down."""


def concerned(ticket: Ticket, changes: Changes) -> set[UUID]:
    """The teams in which a change made room, or left a ticket without anybody."""
    unchanged_team, unchanged_one = (
        Change(ticket.team_id, ticket.team_id),
        Change(ticket.assignee_id, ticket.assignee_id),
    )
    team = changes.get("team_id", unchanged_team)
    assignee = changes.get("assignee_id", unchanged_one)
    status = changes.get("status", Change(ticket.status, ticket.status))
    is_finished = status.new in AT_REST
    teams = set()
    if team.new is not None and assignee.new is None and not is_finished:
        teams.add(team.new)
    had_it = assignee.old is not None and status.old not in AT_REST
    moved_on = is_finished or team.old != team.new or assignee.old != assignee.new
    if team.old is not None and had_it and moved_on:
        teams.add(team.old)
    return teams


class TeamQueue:
    """Gives what waits to who is free, in the transaction of a change."""

    def __init__(self, tx: AsyncSession, organization_id: OrganizationId, note: Note) -> None:
        self._tx = tx
        self._organization_id = organization_id
        self._note = note

    async def follow(self, ticket: Ticket, changes: Changes) -> None:
        """After a change of a ticket that was flushed."""
        if not changes.keys() & {"status", "team_id", "assignee_id"}:
            return
        teams = concerned(ticket, changes)
        if not teams:
            return
        due: set[UUID] | None = self._tx.info.get(_DUE)
        if due is None:
            await self.settle(teams)
        else:
            due |= teams

    async def settle(self, team_ids: Iterable[UUID], *, most: int | None = _LOOKED_AT) -> int:
        """Gives each team's waiting tickets to who is free; how many. `most` bounds the looking."""
        given = 0
        for team in await lock_teams(self._tx, self._organization_id, team_ids):
            await team.call_up()
            if team.has_room:
                given += await self._give_out(team, most)
        return given

    async def recover(self, team_id: UUID) -> int:
        """Takes back what people hold who are not in the team, or absent for too long; how many.

        All of it goes to the team's queue, and from there to who is free.
        """
        taken_back = 0
        async with settled_at_the_end(self._tx, self):
            for team in await lock_teams(self._tx, self._organization_id, [team_id]):
                strangers = Ticket.assignee_id.not_in(team.everybody())
                taken_back += await self._take_back(team.id, strangers, LEFT)
                absent = await team.long_absent()
                if absent:
                    gone = Ticket.assignee_id.in_(sorted(absent))
                    taken_back += await self._take_back(team.id, gone, ABSENT)
        return taken_back

    async def _take_back(self, team_id: UUID, held: sa.ColumnElement[bool], why: str) -> int:
        taken_back = 0
        while True:
            statement = self._unfinished(team_id).where(Ticket.assignee_id.is_not(None), held)
            statement = statement.order_by(Ticket.id)
            tickets = await self._taken(statement.limit(_AT_ONCE))
            for ticket in tickets:
                changes = ticket.move(Move.UNASSIGN) | ticket.change({"assignee_id": None})
                await self._note(ticket, ASSIGNED, changes, why)
            taken_back += len(tickets)
            if len(tickets) < _AT_ONCE:
                return taken_back

    async def _give_out(self, team: LockedTeam, most: int | None) -> int:
        given, seen, last = 0, 0, None
        needed: NeededSkills | None = None
        while team.has_room and (most is None or seen < most):
            waiting = await self._waiting(team.id, last)
            if needed is None and any(ticket.category_id or ticket.tags for ticket in waiting):
                needed = await needed_skills(self._tx, self._organization_id)
            for ticket in waiting:
                skills = needed.of(ticket.category_id, ticket.tags) if needed else NOTHING
                member_id = team.next(skills)
                if member_id is None:
                    continue
                changes = ticket.move(Move.ASSIGN) | ticket.change({"assignee_id": member_id})
                await self._note(ticket, ASSIGNED, changes, team.why)
                given += 1
            if len(waiting) < _AT_ONCE:
                break
            seen, last = seen + len(waiting), waiting[-1]
        await self._tx.flush()
        return given

    async def _waiting(self, team_id: UUID, after: Ticket | None) -> Sequence[Ticket]:
        """The most urgent first, then who has waited longest."""
        place = sa.tuple_(_RANK, Ticket.created_at, Ticket.id)
        statement = self._unfinished(team_id).where(Ticket.assignee_id.is_(None))
        if after is not None:
            rank = sa.select(_RANK).where(Ticket.id == after.id).scalar_subquery()
            statement = statement.where(
                place > sa.tuple_(rank, sa.literal(after.created_at), sa.literal(after.id))
            )
        order = (_RANK, Ticket.created_at, Ticket.id)
        return await self._taken(statement.order_by(*order).limit(_AT_ONCE))

    async def _taken(self, statement: sa.Select[Ticket]) -> Sequence[Ticket]:
        """Locked, as they are now; without those that somebody else holds at the moment."""
        locked = statement.with_for_update(key_share=True, skip_locked=True)
        fresh = locked.execution_options(populate_existing=True)
        return (await self._tx.scalars(fresh)).all()

    def _unfinished(self, team_id: UUID) -> sa.Select[Ticket]:
        return sa.select(Ticket).where(
            Ticket.organization_id == self._organization_id,
            Ticket.team_id == team_id,
            UNFINISHED,
        )


@asynccontextmanager
async def settled_at_the_end(tx: AsyncSession, queue: TeamQueue) -> AsyncIterator[None]:
    """Meanwhile changes only remember which teams they concern; these are settled at the end.

    A ticket that enters a team and is given to somebody in the same breath is nobody else's in
    between, and however many tickets change, the rotations are locked once, in order.
    """
    if _DUE in tx.info:
        yield
        return
    due: set[UUID] = set()
    tx.info[_DUE] = due
    try:
        yield
    finally:
        del tx.info[_DUE]
    if due:
        await queue.settle(due)
