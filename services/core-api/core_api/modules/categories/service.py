"""Growing, moving and archiving the tree of categories; what other contexts may ask of it."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.categories.exceptions import (
    CategoryArchived,
    CategoryBelowItself,
    CategoryNotFound,
    CategoryTooDeep,
)
from core_api.modules.categories.models import MAXIMUM_DEPTH, Category, path_below
from core_api.modules.categories.repository import Categories
from core_api.modules.categories.schemas import CategoryCreate
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "CategoryArchived",
    "CategoryNotFound",
    "CategoryService",
    "ids_above",
    "ids_below",
    "require_category",
]


async def require_category(
    session: AsyncSession, organization_id: OrganizationId, category_id: UUID
) -> None:
    """For other contexts: CategoryNotFound, or CategoryArchived; it stays so until the commit."""
    category = await Categories(session, organization_id).get_to_build_on(category_id)
    if category.archived_at is not None:
        raise CategoryArchived


def ids_below(
    session: AsyncSession, organization_id: OrganizationId, category_id: UUID
) -> sa.Select[UUID]:
    """The category and all below it, as a subquery to filter by."""
    return Categories(session, organization_id).ids_below(category_id)


async def ids_above(
    session: AsyncSession, organization_id: OrganizationId, category_ids: Collection[UUID]
) -> dict[UUID, frozenset[UUID]]:
    """Each of the categories with itself and all above it, in one statement."""
    statement = sa.select(Category.id, Category.path).where(
        Category.organization_id == organization_id, Category.id.in_(category_ids)
    )
    return {
        row.id: frozenset(UUID(step) for step in row.path.rstrip("/").split("/"))
        for row in await session.execute(statement)
    }


class CategoryService:
    """The commands on categories, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.categories = Categories(tx, actor.organization_id)

    async def create(self, given: CategoryCreate) -> Category:
        """A new leaf of the tree."""
        parent = None
        if given.parent_id is not None:
            parent = await self.categories.get_to_build_on(given.parent_id)
            _require_room(parent, levels=1)
        category_id = new_id()
        category = Category(
            id=category_id,
            organization_id=self.actor.organization_id,
            path=path_below(parent, category_id),
            **given.model_dump(),
        )
        self.tx.add(category)
        await self._record("category.created", category, made(given.model_dump()))
        return category

    async def change(
        self, category_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Category:
        """Renames a category, or moves it with everything below it."""
        tree, category = await self._locked(category_id, seen_version)
        changes = category.change(values)
        if "parent_id" in changes:
            parent_id = values["parent_id"]
            if parent_id is not None and parent_id not in tree:
                raise CategoryNotFound
            _move(tree, category, tree.get(parent_id))
        if changes:
            await self._record("category.updated", category, changes)
        return category

    async def archive(self, category_id: UUID, seen_version: int | None) -> Category:
        """Takes a category and everything below it out of use. Tickets keep theirs."""
        tree, category = await self._locked(category_id, seen_version)
        now = utc_now()
        for below in _branch(tree, category):
            if below.archived_at is None:
                changes = below.change({"archived_at": now})
                await self._record("category.archived", below, changes)
        return category

    async def restore(self, category_id: UUID, seen_version: int | None) -> Category:
        """Brings one category back into use; those below it one by one."""
        tree, category = await self._locked(category_id, seen_version)
        parent = tree.get(category.parent_id) if category.parent_id else None
        if parent is not None and parent.archived_at is not None:
            raise CategoryArchived
        changes = category.change({"archived_at": None})
        if changes:
            await self._record("category.restored", category, changes)
        return category

    async def _locked(
        self, category_id: UUID, seen_version: int | None
    ) -> tuple[dict[UUID, Category], Category]:
        tree = await self.categories.lock_tree()
        category = tree.get(category_id)
        if category is None:
            raise CategoryNotFound
        check_version(category.version, seen_version)
        return tree, category

    async def _record(self, action: str, category: Category, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, category.id, changes=changes)
        await self.tx.flush()


def _move(tree: dict[UUID, Category], category: Category, parent: Category | None) -> None:
    """Hangs the branch below `parent`, every path in it with it."""
    branch = _branch(tree, category)
    if parent is not None:
        if parent in branch:
            raise CategoryBelowItself
        _require_room(parent, levels=max(below.depth for below in branch) - category.depth + 1)
    before, after = category.path, path_below(parent, category.id)
    for below in branch:
        below.path = after + below.path.removeprefix(before)


def _branch(tree: dict[UUID, Category], category: Category) -> list[Category]:
    return [below for below in tree.values() if below.path.startswith(category.path)]


def _require_room(parent: Category, *, levels: int) -> None:
    if parent.archived_at is not None:
        raise CategoryArchived
    if parent.depth + levels > MAXIMUM_DEPTH:
        raise CategoryTooDeep
