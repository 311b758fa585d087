"""Calendars and policies of one organization in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.sla.exceptions import (
    SlaCalendarInUse,
    SlaCalendarNotFound,
    SlaCalendarUnknown,
    SlaPolicyNotFound,
)
from core_api.modules.sla.models import (
    SlaCalendar,
    SlaCalendarRevision,
    SlaPolicy,
    SlaPolicyRevision,
    SlaRecomputation,
)
from shared_schemas.ids import OrganizationId

CALENDAR_ORDER: Final = Keyset(name="name", column=SlaCalendar.name, id=SlaCalendar.id, parse=str)
POLICY_ORDER: Final = Keyset(name="position", column=SlaPolicy.position, id=SlaPolicy.id, parse=int)
CALENDAR_REVISION_ORDER: Final = Keyset(
    name="-revision",
    column=SlaCalendarRevision.revision,
    id=SlaCalendarRevision.calendar_id,
    parse=int,
)
POLICY_REVISION_ORDER: Final = Keyset(
    name="-revision", column=SlaPolicyRevision.revision, id=SlaPolicyRevision.policy_id, parse=int
)
RECOMPUTATION_ORDER: Final = Keyset(
    name="-requested_at",
    column=SlaRecomputation.requested_at,
    id=SlaRecomputation.id,
    parse=datetime.fromisoformat,
)


class CalendarRows:
    """The calendars of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, calendar_id: UUID) -> SlaCalendar:
        """The calendar, or SlaCalendarNotFound."""
        return await self._one(self._mine().where(SlaCalendar.id == calendar_id))

    async def get_for_update(self, calendar_id: UUID) -> SlaCalendar:
        """The calendar, locked until the end of the transaction, or SlaCalendarNotFound."""
        mine = self._mine().where(SlaCalendar.id == calendar_id)
        return await self._one(mine.with_for_update())

    async def require(self, calendar_id: UUID) -> None:
        """SlaCalendarUnknown unless it exists, which it then does until the commit."""
        mine = self._mine().where(SlaCalendar.id == calendar_id).with_for_update(read=True)
        if (await self._session.scalars(mine)).one_or_none() is None:
            raise SlaCalendarUnknown(calendar_id=calendar_id)

    async def require_unused(self, calendar_id: UUID) -> None:
        """SlaCalendarInUse while a policy counts on it."""
        if await self.is_used(calendar_id):
            raise SlaCalendarInUse

    async def is_used(self, calendar_id: UUID) -> bool:
        """Whether a policy in force counts on it."""
        statement = sa.select(SlaPolicy.id).where(
            SlaPolicy.organization_id == self._organization_id,
            SlaPolicy.calendar_id == calendar_id,
            SlaPolicy.deleted_at.is_(None),
        )
        return await self._session.scalar(statement.limit(1)) is not None

    async def list(self, page: CursorPage) -> Sequence[SlaCalendar]:
        """A page, by name."""
        return (await self._session.scalars(CALENDAR_ORDER.page(self._mine(), page))).all()

    async def revisions(self, calendar_id: UUID, page: CursorPage) -> Sequence[SlaCalendarRevision]:
        """A page of what the calendar said, newest first, or SlaCalendarNotFound."""
        await self.get(calendar_id)
        statement = sa.select(SlaCalendarRevision).where(
            SlaCalendarRevision.organization_id == self._organization_id,
            SlaCalendarRevision.calendar_id == calendar_id,
        )
        return (await self._session.scalars(CALENDAR_REVISION_ORDER.page(statement, page))).all()

    async def _one(self, statement: sa.Select[SlaCalendar]) -> SlaCalendar:
        calendar = (await self._session.scalars(statement)).one_or_none()
        if calendar is None:
            raise SlaCalendarNotFound
        return calendar

    def _mine(self) -> sa.Select[SlaCalendar]:
        return sa.select(SlaCalendar).where(
            SlaCalendar.organization_id == self._organization_id, SlaCalendar.deleted_at.is_(None)
        )


class PolicyRows:
    """The policies of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, policy_id: UUID) -> SlaPolicy:
        """The policy, or SlaPolicyNotFound."""
        return await self._one(self._mine().where(SlaPolicy.id == policy_id))

    async def get_for_update(self, policy_id: UUID) -> SlaPolicy:
        """The policy, locked until the end of the transaction, or SlaPolicyNotFound.

        Ledgers that refer to it do not wait for that.
        """
        mine = self._mine().where(SlaPolicy.id == policy_id)
        return await self._one(mine.with_for_update(key_share=True))

    async def all_for_update(self) -> Sequence[SlaPolicy]:
        """Every policy but the default, locked, in the order of ids."""
        mine = self._mine().where(SlaPolicy.is_default.is_(False)).order_by(SlaPolicy.id)
        return (await self._session.scalars(mine.with_for_update(key_share=True))).all()

    async def last_position(self) -> int:
        """Where the last one stands; 0 when there is none."""
        statement = sa.select(sa.func.max(SlaPolicy.position)).where(
            SlaPolicy.organization_id == self._organization_id, SlaPolicy.deleted_at.is_(None)
        )
        return await self._session.scalar(statement) or 0

    async def list(self, page: CursorPage) -> Sequence[SlaPolicy]:
        """A page, in the order in which they are asked."""
        return (await self._session.scalars(POLICY_ORDER.page(self._mine(), page))).all()

    async def revisions(self, policy_id: UUID, page: CursorPage) -> Sequence[SlaPolicyRevision]:
        """A page of what the policy said, newest first, or SlaPolicyNotFound."""
        await self.get(policy_id)
        statement = sa.select(SlaPolicyRevision).where(
            SlaPolicyRevision.organization_id == self._organization_id,
            SlaPolicyRevision.policy_id == policy_id,
        )
        return (await self._session.scalars(POLICY_REVISION_ORDER.page(statement, page))).all()

    async def recomputations(self, page: CursorPage) -> Sequence[SlaRecomputation]:
        """A page of what was and is being applied to open tickets, newest first."""
        statement = sa.select(SlaRecomputation).where(
            SlaRecomputation.organization_id == self._organization_id
        )
        return (await self._session.scalars(RECOMPUTATION_ORDER.page(statement, page))).all()

    async def _one(self, statement: sa.Select[SlaPolicy]) -> SlaPolicy:
        policy = (await self._session.scalars(statement)).one_or_none()
        if policy is None:
            raise SlaPolicyNotFound
        return policy

    def _mine(self) -> sa.Select[SlaPolicy]:
        return sa.select(SlaPolicy).where(
            SlaPolicy.organization_id == self._organization_id, SlaPolicy.deleted_at.is_(None)
        )
