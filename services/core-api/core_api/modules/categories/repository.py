"""Categories of one organization in the database."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.categories.exceptions import CategoryNotFound
from core_api.modules.categories.models import Category
from shared_schemas.ids import OrganizationId

TREE_ORDER: Final = Keyset(name="path", column=Category.path, id=Category.id, parse=str)
"""Every category right before those below it."""

_END: Final = "~"  # after every character of a path


class Categories:
    """The categories of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, category_id: UUID) -> Category:
        """The category, or CategoryNotFound."""
        return await self._one(self._mine().where(Category.id == category_id))

    async def get_to_build_on(self, category_id: UUID) -> Category:
        """The category, where it is until the end of the transaction, or CategoryNotFound."""
        statement = self._mine().where(Category.id == category_id)
        return await self._one(statement.with_for_update(read=True))

    async def lock_tree(self) -> dict[UUID, Category]:
        """Every category, so that nobody else changes the tree; in id order, so that two who want
        to do not wait for each other."""
        statement = self._mine().order_by(Category.id).with_for_update(key_share=True)
        fresh = statement.execution_options(populate_existing=True)
        return {category.id: category for category in await self._session.scalars(fresh)}

    async def list(self, page: CursorPage, *, archived: bool) -> Sequence[Category]:
        """A page in tree order."""
        statement = self._mine()
        if not archived:
            statement = statement.where(Category.archived_at.is_(None))
        return (await self._session.scalars(TREE_ORDER.page(statement, page))).all()

    def ids_below(self, category_id: UUID) -> sa.Select[UUID]:
        """The category and all below it, archived ones too; nothing for one that does not exist."""
        top = (
            sa.select(Category.path)
            .where(Category.organization_id == self._organization_id, Category.id == category_id)
            .scalar_subquery()
        )
        return sa.select(Category.id).where(
            Category.organization_id == self._organization_id,
            Category.path >= top,
            Category.path < top + _END,
        )

    async def _one(self, statement: sa.Select[Category]) -> Category:
        category = (await self._session.scalars(statement)).one_or_none()
        if category is None:
            raise CategoryNotFound
        return category

    def _mine(self) -> sa.Select[Category]:
        return sa.select(Category).where(Category.organization_id == self._organization_id)
