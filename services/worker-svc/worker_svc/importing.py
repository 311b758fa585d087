"""Working off the queue of client imports, which is core-api's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast

import sqlalchemy as sa

from chassis.data.columns import metadata_for
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import ClaimedJob, JobQueue, job_columns
from chassis.web.resources import Resources
from shared_schemas.events import ClientImportStarted
from worker_svc.calling import core_api
from worker_svc.client_import import ClientImporting
from worker_svc.queue_work import to_its_end, working_off
from worker_svc.settings import WorkerAppSettings

RUNS: Final = sa.Table("client_import_runs", metadata_for("crm"), *job_columns())
"""The mechanics only: what a run is about, core-api says when it begins."""


@asynccontextmanager
async def importing(resources: Resources) -> AsyncIterator[None]:
    """Imports clients while the service runs; at the end gives back what it has."""
    settings = cast("WorkerAppSettings", resources.settings)
    queue = JobQueue(resources.database, RUNS)
    async with core_api(resources) as core:
        importing = ClientImporting(ObjectStorage.at(settings.storage), core)
        async with working_off(
            resources,
            queue,
            partial(import_run, queue, importing),
            settings.worker,
            slots=settings.worker.import_slots,
            woken_by=[ClientImportStarted.TYPE],
        ):
            yield


async def import_run(queue: JobQueue, importing: ClientImporting, job: ClaimedJob) -> None:
    """Takes one claimed run to its end, whatever the end is."""
    await to_its_end(queue, job, importing.import_clients, importing.give_up)
