"""Working off the ingestion queue: woken by the stream, polling when nothing comes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI

from chassis.data.object_storage import ObjectStorage
from chassis.messaging.nudge import OutboxNudge
from chassis.web.resources import Resources
from knowledge.assembly import open_ingestion
from knowledge.embedders.configured import open_embedder
from shared_schemas.events import DocumentSubmitted
from worker_svc.queue_work import working_off
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
        working_off(
            resources,
            ingestion.queue,
            ingestion.work_off,
            settings.worker,
            slots=settings.worker.slots,
            woken_by=[DocumentSubmitted.TYPE],
        ),
    ):
        yield
