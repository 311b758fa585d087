"""Reading one organization and its members."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.organizations.models import Member, Organization
from shared_schemas.ids import OrganizationId, UserId

OLDEST_FIRST: Final = Keyset(
    name="created_at", column=Member.created_at, id=Member.id, parse=datetime.fromisoformat
)


class Organizations:
    """The one organization the transaction is for."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self) -> Organization:
        """It exists since the first request of its first member."""
        statement = sa.select(Organization).where(Organization.id == self._organization_id)
        return (await self._session.scalars(statement)).one()


class Members:
    """The members of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def find(self, member_id: UserId) -> Member | None:
        """The member, or None."""
        statement = self._mine().where(Member.id == member_id)
        return (await self._session.scalars(statement)).one_or_none()

    async def among(self, member_ids: Collection[UserId]) -> set[UserId]:
        """Those of the ids that are a member's."""
        statement = self._mine().with_only_columns(Member.id).where(Member.id.in_(member_ids))
        return set(await self._session.scalars(statement))

    async def with_organization(self, member_id: UserId) -> sa.Row[Member, Organization]:
        """The member and the organization in one query."""
        statement = (
            sa.select(Member, Organization)
            .join(Organization, Organization.id == Member.organization_id)
            .where(Member.organization_id == self._organization_id, Member.id == member_id)
        )
        return (await self._session.execute(statement)).one()

    async def list(self, page: CursorPage) -> Sequence[Member]:
        """A page, the longest-standing first."""
        return (await self._session.scalars(OLDEST_FIRST.page(self._mine(), page))).all()

    def _mine(self) -> sa.Select[Member]:
        return sa.select(Member).where(Member.organization_id == self._organization_id)
