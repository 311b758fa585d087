"""Deleting what nobody will ask for again. Safe to run twice and at the same time."""

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from ai_svc.schema import SYSTEM_TABLES
from ai_svc.workshop import Workshop
from chassis.data.database import Database
from knowledge.deletion import sweep

# The relay publishes a week again when Redis comes back empty: events live a little longer, and
# what was handled is remembered longer still.
KEEP_EVENTS: Final = timedelta(days=8)
KEEP_HANDLED: Final = timedelta(days=16)
KEEP_ANSWERS: Final = timedelta(days=2)
KEEP_JOBS: Final = timedelta(days=30)
UPLOAD_GRACE: Final = timedelta(hours=6)


async def prune(workshop: Workshop) -> dict[str, int]:
    """What was deleted, counted by kind."""
    tables = SYSTEM_TABLES
    database = workshop.database
    return {
        "outbox": await _older(database, tables.outbox.c.published_at, KEEP_EVENTS),
        "inbox": await _older(database, tables.inbox.c.handled_at, KEEP_HANDLED),
        "idempotency_keys": await _older(
            database, tables.idempotency_keys.c.created_at, KEEP_ANSWERS
        ),
        "jobs": await workshop.queue.prune(KEEP_JOBS),
        "objects": await sweep(database, workshop.storage, grace=UPLOAD_GRACE),
    }


async def _older(database: Database, instant: sa.Column[object], age: timedelta) -> int:
    """Deletes the rows of the column's table whose instant is longer ago."""
    statement = sa.delete(instant.table).where(instant < sa.func.now() - age)
    async with database.worker_transaction() as session:
        gone = await session.execute(statement.returning(sa.literal(1)))
        return len(gone.all())
