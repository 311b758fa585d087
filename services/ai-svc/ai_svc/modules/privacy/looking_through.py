"""Looking through the texts of one table for a person, in pages, and writing what names them.

Texts are read in pages, looked through in a thread and outside of any transaction, and written in
small ones: there each is read again, locked.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy.naming import Naming
from ai_svc.modules.privacy.work import Subject, Work
from chassis.data.database import Database
from shared_schemas.ids import OrganizationId

_AT_ONCE: Final = 500
_Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that name the person, locked, and what is needed to write them."""

    session: AsyncSession
    work: Work
    naming: Naming
    rows: Sequence[Any]

    @property
    def ids(self) -> list[Any]:
        """Of the rows."""
        return [row.id for row in self.rows]


@dataclass(frozen=True, slots=True)
class Wordings:
    """The texts of one table, of rows that nobody's data is linked to."""

    model: Any
    columns: tuple[str, ...]
    own: Callable[[OrganizationId], tuple[sa.ColumnElement[bool], ...]]
    take_out: Callable[[Page], Awaitable[None]]
    key: tuple[str, ...] = ("id",)
    going: Callable[[Subject], sa.ColumnElement[bool]] | None = None
    """Of these rows: those that go by somebody's link, and need no rewriting."""
    is_rewritten: bool = True

    async def naming(
        self, database: Database, subject: Subject, naming: Naming
    ) -> AsyncIterator[list[_Key]]:
        """Keys of rows that name the person, page by page."""
        key, after = self._key(), None
        while True:
            some = sa.select(*key, *self._texts()).where(*self._mine(subject.organization_id))
            if self.going is not None:
                some = some.where(sa.not_(self.going(subject)))
            if after is not None:
                some = some.where(sa.tuple_(*key) > sa.tuple_(*after))
            tenant = subject.organization_id
            async with database.transaction(tenant, read_only=True) as session:
                rows = (await session.execute(some.order_by(*key).limit(_AT_ONCE))).all()
            yield await asyncio.to_thread(self._named, rows, naming)
            if len(rows) < _AT_ONCE:
                return
            after = tuple(rows[-1][: len(key)])

    async def erase(self, work: Work, naming: Naming, keys: Sequence[_Key]) -> int:
        """Takes the person out of these rows, if they still name them; how many did."""
        async with work.fenced() as session:
            wanted = sa.tuple_(*self._key()).in_(keys)
            locked = sa.select(self.model).where(*self._mine(work.organization_id), wanted)
            if self.is_rewritten:  # rows that are only ever deleted cannot be locked
                locked = locked.with_for_update()
            rows = await session.scalars(locked.order_by(*self._key()))
            named = [row for row in rows if naming.is_in(self._said(row))]
            if named:
                await self.take_out(Page(session, work, naming, named))
                await work.count(session, {"named_texts": len(named)})
        return len(named)

    def _named(self, rows: Sequence[Any], naming: Naming) -> list[_Key]:
        parts = len(self.key)
        return [tuple(row[:parts]) for row in rows if naming.is_in(row[parts:])]

    def _said(self, row: Any) -> list[Any]:
        return [getattr(row, column) for column in self.columns]

    def _key(self) -> list[Any]:
        return [getattr(self.model, name) for name in self.key]

    def _texts(self) -> list[Any]:
        return [getattr(self.model, name) for name in self.columns]

    def _mine(self, tenant: OrganizationId) -> tuple[sa.ColumnElement[bool], ...]:
        return (self.model.organization_id == tenant, *self.own(tenant))
