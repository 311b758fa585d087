"""Attendants: what holds for a member in every team, and the times in which they are not there."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage
from core_api.changes import Change, Changes, made, removed
from core_api.keyset import Keyset
from core_api.modules.audit import service as audit
from core_api.modules.organizations.service import MemberUnknown, require_member
from core_api.modules.teams.conditions import absent_now
from core_api.modules.teams.exceptions import (
    AbsenceNotFound,
    AbsenceOfAnother,
    AttendantNotFound,
)
from core_api.modules.teams.memberships import TeamMembers
from core_api.modules.teams.models import Absence, Attendant, Availability
from core_api.modules.teams.schemas import AbsenceCreate
from core_api.modules.tickets.service import TicketService
from shared_schemas.actor import Actor
from shared_schemas.ids import UserId, new_id
from shared_schemas.permissions import Permission

EARLIEST_FIRST: Final = Keyset(
    name="starts_at", column=Absence.starts_at, id=Absence.id, parse=datetime.fromisoformat
)


class Attendants:
    """The commands on attendants, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor

    async def get(self, member_id: UserId) -> dict[str, Any]:
        """What is known of somebody, or AttendantNotFound."""
        await self._require(member_id)
        return await self._read(member_id)

    async def say(self, availability: Availability) -> dict[str, Any]:
        """One's own availability; who becomes available gets what waited for them."""
        me = self.actor.user_id
        attendant = await self._get_for_update(me)
        if attendant.availability is not availability:
            old, attendant.availability = attendant.availability, availability
            attendant.availability_since = utc_now()
            changes = Changes({"availability": Change(old, availability)})
            await self._record("attendant.availability_changed", me, changes)
            await self._settle(me)
        return await self._read(me)

    async def teach(
        self, member_id: UserId, skills: list[str], seen_version: int | None
    ) -> dict[str, Any]:
        """Other skills of somebody; tickets that waited for them are given out."""
        await self._require(member_id)
        attendant = await self._get_for_update(member_id)
        check_version(attendant.version, seen_version)
        if attendant.skills != skills:
            changes = Changes({"skills": Change(attendant.skills, skills)})
            attendant.skills = skills
            await self._record("attendant.skills_changed", member_id, changes)
            await self._settle(member_id)
        return await self._read(member_id)

    async def absences(self, member_id: UUID | None, page: CursorPage) -> Sequence[Absence]:
        """A page of those that are not over, the earliest first."""
        statement = self._absences().where(Absence.ends_at > utc_now())
        if member_id is not None:
            statement = statement.where(Absence.member_id == member_id)
        return (await self.tx.scalars(EARLIEST_FIRST.page(statement, page))).all()

    async def leave(self, given: AbsenceCreate) -> Absence:
        """Enters an absence: one's own, or with `desk:configure` anybody's."""
        member_id = UserId(given.member_id or self.actor.user_id)
        self._may_enter_for(member_id)
        await require_member(self.tx, self.actor.organization_id, member_id)
        values = {
            "member_id": member_id,
            "starts_at": given.starts_at,
            "ends_at": given.ends_at,
        }
        absence = Absence(
            id=new_id(),
            organization_id=self.actor.organization_id,
            created_by=self.actor.user_id,
            **values,
        )
        self.tx.add(absence)
        await audit.record(self.tx, self.actor, "absence.created", absence.id, changes=made(values))
        await self.tx.flush()
        return absence

    async def come_back(self, absence_id: UUID) -> None:
        """Deletes an absence; who is there after all gets what waited for them."""
        statement = self._absences().where(Absence.id == absence_id).with_for_update()
        absence = (await self.tx.scalars(statement)).one_or_none()
        if absence is None:
            raise AbsenceNotFound
        self._may_enter_for(absence.member_id)
        gone = {name: getattr(absence, name) for name in ("member_id", "starts_at", "ends_at")}
        await audit.record(
            self.tx, self.actor, "absence.deleted", absence.id, changes=removed(gone)
        )
        await self.tx.delete(absence)
        await self.tx.flush()
        await self._settle(absence.member_id)

    def _may_enter_for(self, member_id: UserId) -> None:
        if member_id != self.actor.user_id and not self.actor.may(Permission.DESK_CONFIGURE):
            raise AbsenceOfAnother

    async def _settle(self, member_id: UserId) -> None:
        await self.tx.flush()
        team_ids = await TeamMembers(self.tx, self.actor.organization_id).teams_of(member_id)
        await TicketService(self.tx, self.actor).queue.settle(team_ids)

    async def _require(self, member_id: UserId) -> None:
        try:
            await require_member(self.tx, self.actor.organization_id, member_id)
        except MemberUnknown:
            raise AttendantNotFound from None

    async def _get_for_update(self, member_id: UserId) -> Attendant:
        """The row, made at the first need; two first ones at once make one."""
        mine = {"organization_id": self.actor.organization_id, "member_id": member_id}
        fresh = insert(Attendant).values(
            **mine,
            availability=Availability.AVAILABLE,
            availability_since=utc_now(),
            skills=[],
        )
        await self.tx.execute(fresh.on_conflict_do_nothing())
        statement = sa.select(Attendant).filter_by(**mine).with_for_update()
        return (await self.tx.scalars(statement)).one()

    async def _read(self, member_id: UserId) -> dict[str, Any]:
        mine = {"organization_id": self.actor.organization_id, "member_id": member_id}
        statement = sa.select(Attendant).filter_by(**mine)
        attendant = (await self.tx.scalars(statement)).one_or_none()
        organization_id = sa.literal(self.actor.organization_id)
        absent = absent_now(organization_id, sa.literal(member_id), utc_now())
        return {
            "member_id": member_id,
            "availability": attendant.availability if attendant else Availability.AVAILABLE,
            "availability_since": attendant.availability_since if attendant else None,
            "absent": bool(await self.tx.scalar(sa.select(absent))),
            "skills": attendant.skills if attendant else [],
            "version": attendant.version if attendant else 1,
        }

    async def _record(self, action: str, member_id: UserId, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, member_id, changes=changes)

    def _absences(self) -> sa.Select[Absence]:
        return sa.select(Absence).where(Absence.organization_id == self.actor.organization_id)
