"""The profile and the appointments of one organization in the database."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.officers.exceptions import OfficerNotFound
from core_api.modules.officers.models import ControllerProfile, OfficerRole, PrivacyOfficer
from shared_schemas.ids import OrganizationId

NEWEST_FIRST: Final = Keyset(
    name="-starts_on",
    column=PrivacyOfficer.starts_on,
    id=PrivacyOfficer.id,
    parse=date.fromisoformat,
)


class Officers:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def profile(self, *, lock: bool = False) -> ControllerProfile | None:
        """What the organization says about itself, if anything."""
        statement = sa.select(ControllerProfile).where(
            ControllerProfile.organization_id == self._organization_id
        )
        if lock:
            statement = statement.with_for_update()
        return (await self._session.scalars(statement)).one_or_none()

    async def get(self, officer_id: UUID) -> PrivacyOfficer:
        """The appointment, or OfficerNotFound."""
        return await self._one(self._mine().where(PrivacyOfficer.id == officer_id))

    async def get_for_update(self, officer_id: UUID) -> PrivacyOfficer:
        """The appointment, locked, or OfficerNotFound."""
        statement = self._mine().where(PrivacyOfficer.id == officer_id)
        return await self._one(statement.with_for_update())

    async def list(self, page: CursorPage) -> Sequence[PrivacyOfficer]:
        """A page, the latest appointment first."""
        return (await self._session.scalars(NEWEST_FIRST.page(self._mine(), page))).all()

    async def on(self, day: date) -> Sequence[PrivacyOfficer]:
        """Who answers on a day: the holder, then the substitute; of several the latest."""
        statement = self._mine().where(
            PrivacyOfficer.starts_on <= day,
            sa.or_(PrivacyOfficer.ends_on.is_(None), PrivacyOfficer.ends_on >= day),
        )
        ordered = statement.order_by(PrivacyOfficer.starts_on, PrivacyOfficer.id)
        latest = {officer.role: officer for officer in await self._session.scalars(ordered)}
        return [latest[role] for role in OfficerRole if role in latest]

    async def _one(self, statement: sa.Select[PrivacyOfficer]) -> PrivacyOfficer:
        officer = (await self._session.scalars(statement)).one_or_none()
        if officer is None:
            raise OfficerNotFound
        return officer

    def _mine(self) -> sa.Select[PrivacyOfficer]:
        return sa.select(PrivacyOfficer).where(
            PrivacyOfficer.organization_id == self._organization_id
        )
