"""Working off the ingestion queue: woken by the stream, polling when nothing comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI

from chassis.data.object_storage import ObjectStorage
from chassis.messaging.listener import StreamListener
from chassis.messaging.nudge import OutboxNudge
from chassis.web.resources import Resources
from knowledge.assembly import open_ingestion
from knowledge.embedders.configured import open_embedder
from shared_schemas.events import DocumentSubmitted
from worker_svc.job_worker import JobWorker
from worker_svc.settings import WorkerAppSettings


@asynccontextmanager
async def ingesting(_app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Ingests documents while the service runs; at the end finishes or gives back what it has."""
    settings = cast("WorkerAppSettings", resources.settings)
    nudge = OutboxNudge(resources.database, resources.redis)
    async with (
        nudge.ringing(),  # ai-svc relays what is written here
        open_embedder(settings.embedding) as embedder,
        open_ingestion(
            resources.database,
            ObjectStorage.at(settings.storage),
            embedder,
            settings.ingestion,
        ) as ingestion,
    ):
        worker = JobWorker(
            ingestion.queue,
            ingestion.work_off,
            slots=settings.worker.slots,
            poll=settings.worker.poll,
            patience=settings.worker.patience,
        )
        listener = StreamListener(
            resources.redis, resources.name, [DocumentSubmitted.TYPE], worker.wake
        )
        running = [asyncio.create_task(worker.run()), asyncio.create_task(listener.run())]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
