"""Saved views of one organization, as one person sees them: the shared ones and their own."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.views.exceptions import ViewNotFound
from core_api.modules.views.models import DefaultView, SavedView
from core_api.sharing import visible_to
from shared_schemas.ids import OrganizationId, UserId

BY_POSITION: Final = Keyset(name="position", column=SavedView.position, id=SavedView.id, parse=int)
_PREFERRED: Final = sa.func.coalesce(DefaultView.view_id == SavedView.id, sa.false())


class Views:
    """The views one person can see."""

    def __init__(
        self, session: AsyncSession, organization_id: OrganizationId, member_id: UserId
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._member_id = member_id

    async def get(self, view_id: UUID) -> Any:
        """The view and whether it is one's default, or ViewNotFound."""
        statement = self._with_default().where(SavedView.id == view_id)
        row = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise ViewNotFound
        return row

    async def get_for_update(self, view_id: UUID) -> SavedView:
        """The view, locked until the end of the transaction, or ViewNotFound."""
        statement = sa.select(SavedView).where(self._visible(), SavedView.id == view_id)
        view = (await self._session.scalars(statement.with_for_update())).one_or_none()
        if view is None:
            raise ViewNotFound
        return view

    async def list(self, page: CursorPage) -> Sequence[sa.Row[SavedView, bool]]:
        """A page, each with whether it is one's default; in their order."""
        statement = BY_POSITION.page(self._with_default(), page)
        rows: Sequence[Any] = (await self._session.execute(statement)).all()
        return rows

    async def first(self, at_most: int) -> Sequence[SavedView]:
        """The first ones in their order."""
        statement = sa.select(SavedView).where(self._visible())
        ordered = statement.order_by(SavedView.position, SavedView.id).limit(at_most)
        return (await self._session.scalars(ordered)).all()

    async def prefer(self, view_id: UUID | None) -> None:
        """Makes a view one's default, or none; said twice at once, the later one holds."""
        mine = {"organization_id": self._organization_id, "member_id": self._member_id}
        if view_id is None:
            await self._session.execute(sa.delete(DefaultView).filter_by(**mine))
            return
        chosen = insert(DefaultView).values(**mine, view_id=view_id)
        await self._session.execute(
            chosen.on_conflict_do_update(
                index_elements=[DefaultView.organization_id, DefaultView.member_id],
                set_={"view_id": chosen.excluded.view_id},
            )
        )

    async def preferred(self) -> UUID | None:
        """One's default; locked, so that a change is noted once."""
        mine = {"organization_id": self._organization_id, "member_id": self._member_id}
        statement = sa.select(DefaultView.view_id).filter_by(**mine).with_for_update()
        return await self._session.scalar(statement)

    def _with_default(self) -> sa.Select[Any]:
        mine = sa.and_(
            DefaultView.organization_id == SavedView.organization_id,
            DefaultView.member_id == self._member_id,
        )
        columns: tuple[Any, ...] = (SavedView, _PREFERRED.label("is_default"))
        return sa.select(*columns).outerjoin(DefaultView, mine).where(self._visible())

    def _visible(self) -> sa.ColumnElement[bool]:
        return visible_to(SavedView, self._organization_id, self._member_id)
