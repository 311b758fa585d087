"""What other contexts do with deadlines: set them, meet them, show them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.deadlines.models import Deadline, DeadlineKind, DeadlineSubject
from core_api.modules.deadlines.schemas import DeadlineRead
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId, new_id

__all__ = ["DeadlineKind", "DeadlineRead", "DeadlineSubject", "Deadlines", "is_small_agent"]

# A column alone: the settings of requests are the business of their own context.
_SETTINGS: Final = sa.table(
    "privacy_settings",
    sa.column("organization_id", sa.Uuid()),
    sa.column("is_small_agent", sa.Boolean()),
    schema=SCHEMA,
)


async def is_small_agent(session: AsyncSession, organization_id: OrganizationId) -> bool:
    """Whether deadlines are doubled for the organization (Res. CD/ANPD 2/2022)."""
    statement = sa.select(_SETTINGS.c.is_small_agent)
    found = await session.scalar(statement.where(_SETTINGS.c.organization_id == organization_id))
    return bool(found)


class Deadlines:
    """The deadlines of one organization, in the caller's transaction.

    Who changes those of a subject holds the lock on the subject's row.
    """

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def set(
        self,
        subject: DeadlineSubject,
        subject_id: UUID,
        kind: DeadlineKind,
        *,
        started_at: datetime,
        due_at: datetime,
    ) -> None:
        """Due then. One that is there is moved, and its warnings begin anew."""
        found = await self._of(subject_id, kind)
        if found is not None and found.is_open and found.due_at == due_at:
            return  # its warnings have not been told in vain
        if found is None:
            found = Deadline(
                id=new_id(),
                organization_id=self._organization_id,
                subject_type=subject,
                subject_id=subject_id,
                kind=kind,
                created_at=utc_now(),
            )
            self._session.add(found)
        found.set(started_at, due_at)
        await self._session.flush()

    async def end(
        self, subject_id: UUID, *kinds: DeadlineKind, at: datetime, waived: bool = False
    ) -> None:
        """Done, or not to be done after all; of no kinds: all of the subject's. What has ended
        stays as it ended."""
        for deadline in await self._all(subject_id):
            if deadline.is_open and (not kinds or deadline.kind in kinds):
                deadline.end(at, waived=waived)
        await self._session.flush()

    async def open_kinds(self, subject_id: UUID) -> frozenset[DeadlineKind]:
        """What is still to be done about the subject."""
        return frozenset(
            deadline.kind for deadline in await self._all(subject_id) if deadline.is_open
        )

    async def due_at(self, subject_id: UUID, kind: DeadlineKind) -> datetime | None:
        """When it is due, also where it was met."""
        found = await self._of(subject_id, kind)
        return None if found is None else found.due_at

    async def read(self, subject_ids: Collection[UUID]) -> dict[UUID, list[DeadlineRead]]:
        """Of each subject, the earliest first; one statement."""
        statement = self._mine().where(Deadline.subject_id.in_(subject_ids))
        ordered = statement.order_by(Deadline.due_at, Deadline.id)
        now = utc_now()
        found: dict[UUID, list[DeadlineRead]] = {subject_id: [] for subject_id in subject_ids}
        for deadline in await self._session.scalars(ordered):
            found[deadline.subject_id].append(DeadlineRead.of(deadline, now))
        return found

    async def _all(self, subject_id: UUID) -> Sequence[Deadline]:
        statement = self._mine().where(Deadline.subject_id == subject_id)
        locked = statement.order_by(Deadline.id).with_for_update()
        return (await self._session.scalars(locked)).all()

    async def _of(self, subject_id: UUID, kind: DeadlineKind) -> Deadline | None:
        statement = self._mine().where(Deadline.subject_id == subject_id, Deadline.kind == kind)
        return (await self._session.scalars(statement.with_for_update())).one_or_none()

    def _mine(self) -> sa.Select[Deadline]:
        return sa.select(Deadline).where(Deadline.organization_id == self._organization_id)
