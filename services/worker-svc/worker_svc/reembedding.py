"""Renewing vectors after a change of the embedder: a little every minute, in one worker."""

from datetime import timedelta
from typing import Final, cast

from chassis.messaging.schedule import PeriodicTask, Schedule
from chassis.web.resources import Resources
from knowledge.embedders.configured import open_embedder
from knowledge.embedders.port import Embedder
from knowledge.reembedding import Reembedding
from worker_svc.settings import WorkerAppSettings

EVERY: Final = timedelta(minutes=1)
_AT_MOST: Final = timedelta(seconds=50)


async def reembed(resources: Resources) -> None:
    """Works on schedule until cancelled."""
    settings = cast("WorkerAppSettings", resources.settings)
    async with open_embedder(settings.embedding) as embedder:
        await Schedule(resources.redis, [reembedding_task(resources, embedder)]).run()


def reembedding_task(resources: Resources, embedder: Embedder) -> PeriodicTask:
    """One look a minute; nothing to do is nearly always what it finds."""
    reembedding = Reembedding(resources.database, embedder)

    async def run() -> None:
        await reembedding.run(_AT_MOST)

    return PeriodicTask("reembed", EVERY, run)
