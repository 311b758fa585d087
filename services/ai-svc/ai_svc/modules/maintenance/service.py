"""Deleting what nobody will ask for again. Safe to run twice and at the same time."""

from datetime import timedelta
from typing import Final

from ai_svc.modules.answers import service as answers
from ai_svc.modules.batches.pruning import prune_batches
from ai_svc.modules.chat import service as chat
from ai_svc.modules.memory import service as memory
from ai_svc.modules.proposals import service as proposals
from ai_svc.modules.uploads.expiring import expire, sweep_parts
from ai_svc.modules.usage import service as usage
from ai_svc.tables import SYSTEM_TABLES
from ai_svc.workshop import Workshop
from chassis.data.retention import prune_system_tables
from knowledge.deletion import settle_words, sweep
from knowledge.sources.syncing import source_queue

KEEP_JOBS: Final = timedelta(days=30)
UPLOAD_GRACE: Final = timedelta(hours=6)
"""An object may be younger than the row that will stand for it."""

_COUNTING: Final = timedelta(seconds=60)
"""Of what a call of the schedule may take; what is left is due again with the next one."""


async def prune(workshop: Workshop) -> dict[str, int]:
    """What was deleted, counted by kind."""
    pruned = await prune_system_tables(workshop.database, SYSTEM_TABLES)
    return {
        **pruned,
        "jobs": await workshop.queue.prune(KEEP_JOBS),
        "objects": await sweep(workshop.database, workshop.storage, grace=UPLOAD_GRACE),
        "batches": await prune_batches(workshop.database, KEEP_JOBS),
        "source_runs": await source_queue(workshop.database).prune(KEEP_JOBS),
        "uploads": await expire(workshop.database, workshop.storage),
        "parts": await sweep_parts(workshop.database, workshop.storage, grace=UPLOAD_GRACE),
        "memories": await memory.prune(workshop.database),
        **await proposals.prune(workshop.database),
        "conversations": await chat.prune(workshop.database, workshop.settings.chat.keep_for),
        **await answers.prune(workshop.database, workshop.settings.answers.keep_for),
        **await usage.prune(workshop.database),
        "word_counts": await settle_words(workshop.database, most=_COUNTING),
    }
