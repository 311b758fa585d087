"""Working off the ingestion queue: woken by the stream, polling when nothing comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast

import structlog
from fastapi import FastAPI
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import ClaimedJob
from chassis.messaging.nudge import OutboxNudge
from chassis.web.resources import Resources
from knowledge.assembly import open_ingestion
from knowledge.embedders.configured import open_embedder
from shared_schemas.events import DocumentSubmitted
from worker_svc.queue_work import working_off
from worker_svc.settings import WorkerAppSettings

_log = structlog.get_logger(__name__)
_PATIENCE_SECONDS: Final = 0.5


async def tell(redis: Redis, job: ClaimedJob) -> None:
    """Says that a document has got further, to whoever follows it. Not worth an error."""
    channel = f"channel:{job.organization_id}:documents"
    said = json.dumps({"document_id": str(job.payload["document_id"])})
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await redis.publish(channel, said)
    except (RedisError, OSError, TimeoutError) as error:
        _log.warning("progress_not_told", cause=type(error).__name__)


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
            on_report=partial(tell, resources.redis),
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
