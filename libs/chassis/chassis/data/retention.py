"""Deleting what the system tables no longer need. Safe to run twice and at the same time."""

from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from chassis.data.database import Database
from chassis.data.system_tables import SystemTables

# The relay publishes a week again when Redis comes back empty: events live a little longer, and
# what was handled is remembered longer still.
KEEP_EVENTS: Final = timedelta(days=8)
KEEP_HANDLED: Final = timedelta(days=16)
KEEP_ANSWERS: Final = timedelta(days=2)
BATCH: Final = 5_000


async def prune_system_tables(database: Database, tables: SystemTables) -> dict[str, int]:
    """How many rows were deleted of each, as the worker role, across tenants."""
    limits = {
        "outbox": (tables.outbox.c.published_at, KEEP_EVENTS),
        "inbox": (tables.inbox.c.handled_at, KEEP_HANDLED),
        "idempotency_keys": (tables.idempotency_keys.c.created_at, KEEP_ANSWERS),
    }
    return {
        name: await _delete_older(database, instant, age) for name, (instant, age) in limits.items()
    }


async def _delete_older(database: Database, instant: sa.Column[Any], age: timedelta) -> int:
    """In batches, each its own transaction: a long one keeps dead rows of every table alive."""
    row: sa.ColumnElement[Any] = sa.literal_column("ctid")
    old = (
        sa.select(row).select_from(instant.table).where(instant < sa.func.now() - age).limit(BATCH)
    )
    deletion = sa.delete(instant.table).where(row.in_(old)).returning(sa.literal(1))
    total = 0
    while True:
        async with database.worker_transaction() as session:
            gone = len((await session.execute(deletion)).all())
        total += gone
        if gone < BATCH:
            return total
