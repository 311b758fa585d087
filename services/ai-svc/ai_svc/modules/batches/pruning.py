"""Summaries nobody asks for any more."""

from datetime import timedelta

import sqlalchemy as sa

from ai_svc.modules.batches.models import Batch
from chassis.data.database import Database


async def prune_batches(database: Database, older_than: timedelta) -> int:
    """Deletes summaries, never documents; returns how many."""
    statement = (
        sa.delete(Batch)
        .where(Batch.created_at < sa.func.now() - older_than)
        .returning(Batch.id)
        .execution_options(synchronize_session=False)
    )
    async with database.worker_transaction() as session:
        return len((await session.execute(statement)).all())
