"""The relay's statements on one schema's outbox."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.data.system_tables import outbox_items

EventRow = sa.Row[UUID, str, str]
"""id, event_type, envelope"""

_AT_ONCE: Final = 10_000
"""Rows per statement when many are published again: no statement runs for minutes."""


class OutboxRows:
    """Reading and marking, on the connection that holds the relay's lock."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        table = self._table = sa.Table("outbox", sa.MetaData(schema=schema), *outbox_items())
        columns = table.c
        # Never "greater than the last seen": transactions do not commit in the order of their ids.
        self._unpublished = (
            sa.select(columns.id, columns.event_type, columns.envelope)
            .where(columns.published_at.is_(None))
            .order_by(columns.position)
            .limit(sa.bindparam("batch", type_=sa.Integer()))
        )
        self._mark = (
            sa.update(table)
            .where(columns.id == sa.func.any(sa.bindparam("ids", type_=ARRAY(sa.Uuid()))))
            .values(published_at=sa.func.now())
        )

    async def try_lead(self, connection: AsyncConnection) -> bool:
        """Takes the advisory lock of this outbox for the life of the connection."""
        key = sa.func.hashtextextended(f"outbox relay {self._schema}", 0)
        return bool(await connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))

    async def unpublished(self, connection: AsyncConnection, batch: int) -> Sequence[EventRow]:
        """The next events in order: id, event_type, envelope."""
        return (await connection.execute(self._unpublished, {"batch": batch})).all()

    async def mark_published(self, connection: AsyncConnection, ids: Sequence[UUID]) -> None:
        """They are on their streams."""
        await connection.execute(self._mark, {"ids": list(ids)})

    async def publish_again(
        self, connection: AsyncConnection, window: timedelta, *, oldest: timedelta
    ) -> int:
        """Unmarks what was published within the window; returns how many.

        But nothing created before `oldest`: each loss of Redis would make old events younger,
        until inboxes have forgotten them.
        """
        columns = self._table.c
        recent = (
            sa.select(columns.id)
            .where(
                columns.published_at > sa.func.now() - window,
                columns.created_at > sa.func.now() - oldest,
            )
            .limit(_AT_ONCE)
        )
        unmark = (
            sa.update(self._table)
            .where(columns.id.in_(recent.scalar_subquery()))
            .values(published_at=None)
        )
        total = 0
        while changed := (await connection.execute(unmark)).rowcount:
            total += changed
        return total

    async def event_types(self, connection: AsyncConnection) -> set[str]:
        """Every type in the outbox."""
        found = await connection.scalars(sa.select(self._table.c.event_type).distinct())
        return set(found)

    async def backlog(self, connection: AsyncConnection) -> tuple[int, float]:
        """How many events wait, and for how many seconds the oldest has."""
        columns = self._table.c
        age = sa.func.extract("epoch", sa.func.now() - sa.func.min(columns.created_at))
        waiting = sa.select(sa.func.count(), sa.func.coalesce(age, 0)).where(
            columns.published_at.is_(None)
        )
        count, seconds = (await connection.execute(waiting)).one()
        return int(count), float(seconds)
