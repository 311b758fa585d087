"""What refers to a client, and what becomes of it when two clients turn out to be one.

Every context says it for its own tables in its `client_rows`; `client_relations` joins them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.tables import Base
from shared_schemas.ids import OrganizationId


@dataclass(frozen=True, kw_only=True)
class StayingRows:
    """Rows that keep the client they were written for; who reads them asks for its whole family."""

    moves: ClassVar[bool] = False

    name: str
    """What they are called in previews and histories."""
    model: type[Base]
    column: str = "client_id"

    @property
    def table(self) -> sa.Table:
        """Where they are."""
        return cast("sa.Table", self.model.__table__)

    @property
    def reference(self) -> str:
        """The foreign key, as `table.column`."""
        return f"{self.table.name}.{self.column}"

    async def count(
        self, session: AsyncSession, organization_id: OrganizationId, client_id: UUID
    ) -> int:
        """How many refer to the client."""
        mine = self._of(self.table, organization_id, client_id)
        counted = sa.select(sa.func.count()).select_from(self.table).where(mine)
        return (await session.scalar(counted)) or 0

    def _of(
        self, table: sa.FromClause, organization_id: OrganizationId, client_id: UUID
    ) -> sa.ColumnElement[bool]:
        return sa.and_(
            table.c.organization_id == organization_id, table.c[self.column] == client_id
        )


@dataclass(frozen=True, kw_only=True)
class MovingRows(StayingRows):
    """Rows with an `id` that follow their client."""

    moves: ClassVar[bool] = True

    locked_first: bool = False
    """Their own commands lock them before they lock a client."""
    once_per: str | None = None
    """A client has at most one for each value of this column: what the target has already stays."""

    async def lock(
        self, session: AsyncSession, organization_id: OrganizationId, client_id: UUID
    ) -> None:
        """In the order of their ids, before the clients are locked."""
        if self.locked_first:
            mine = self._of(self.table, organization_id, client_id)
            rows = sa.select(self.table.c.id).where(mine).order_by(self.table.c.id)
            await session.execute(rows.with_for_update())

    async def move(
        self, session: AsyncSession, organization_id: OrganizationId, source: UUID, target: UUID
    ) -> list[UUID]:
        """Those of `source` refer to `target` from now on; which ones."""
        wanted = self._of(self.table, organization_id, source)
        return await self._move(session, wanted, organization_id, target)

    async def move_back(
        self,
        session: AsyncSession,
        organization_id: OrganizationId,
        ids: Collection[UUID],
        source: UUID,
        target: UUID,
    ) -> list[UUID]:
        """Of these ids those that are still with `source`; which ones."""
        wanted = sa.and_(self._of(self.table, organization_id, source), self.table.c.id.in_(ids))
        return await self._move(session, wanted, organization_id, target)

    async def _move(
        self,
        session: AsyncSession,
        wanted: sa.ColumnElement[bool],
        organization_id: OrganizationId,
        target: UUID,
    ) -> list[UUID]:
        values: dict[str, Any] = {self.column: target}
        if "version" in self.table.c:  # who has one open learns that it has changed
            values |= {"version": self.table.c.version + 1, "updated_at": sa.func.now()}
        statement = sa.update(self.table).where(wanted).values(values)
        if self.once_per is not None:
            there = self.table.alias()
            same = there.c[self.once_per].is_not_distinct_from(self.table.c[self.once_per])
            already = sa.exists().where(self._of(there, organization_id, target), same)
            statement = statement.where(~already)
        moved = await session.scalars(statement.returning(self.table.c.id))
        return sorted(moved.all())
