"""Lists that a cursor resumes: ordered by a column, then by id; no row comes twice or never."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from chassis.web.pagination import CursorPage, PageNumber, Position


@dataclass(frozen=True, kw_only=True)
class Keyset:
    """One order of one list. Its cursors carry its `name`: those of another order are refused."""

    name: str
    column: InstrumentedAttribute[Any]
    id: InstrumentedAttribute[UUID]
    parse: Callable[[Any], Any] | None
    """Reads the column's value back from a cursor. None when it is personal data: the cursor,
    which ends up in logs, then carries the id alone and the value is looked up."""

    @property
    def descending(self) -> bool:
        """Whether the greatest comes first."""
        return self.name.startswith("-")

    def page(self, statement: sa.Select[Any], paging: CursorPage | PageNumber) -> sa.Select[Any]:
        """The statement in this order, cut to the page; by cursor, one row more than asked for."""
        if isinstance(paging, PageNumber):
            cut = statement.offset(paging.offset).limit(paging.per_page)
        else:
            cut = self._after(statement, paging).limit(paging.limit + 1)
        return cut.order_by(*(self._direction(column) for column in (self.column, self.id)))

    def position(self, row: Any) -> Position:
        """Where a page ends that ends with `row`."""
        if self.parse is None:
            return (self.name, row.id)
        return (self.name, getattr(row, self.column.key), row.id)

    def _after(self, statement: sa.Select[Any], paging: CursorPage) -> sa.Select[Any]:
        kind_of_value = () if self.parse is None else (self.parse,)
        position = paging.position(self._same_order, *kind_of_value, UUID)
        if position is None:
            return statement
        if self.parse is None:
            value: Any = sa.select(self.column).where(self.id == position[1]).scalar_subquery()
        else:
            value = sa.literal(position[1], self.column.type)
        here = sa.tuple_(self.column, self.id)
        there = sa.tuple_(value, sa.literal(position[-1], self.id.type))
        return statement.where(here < there if self.descending else here > there)

    def _same_order(self, name: Any) -> str:
        if name != self.name:
            raise ValueError("a cursor of another order")
        return self.name

    def _direction(self, column: InstrumentedAttribute[Any]) -> sa.ColumnElement[Any]:
        return column.desc() if self.descending else column.asc()
