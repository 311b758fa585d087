"""Working off the queue of looks at sources: pages, sitemaps and buckets that are watched."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from chassis.web.resources import Resources
from knowledge.addresses import AddressPolicy
from knowledge.failures import DocumentRefused
from knowledge.fetching import UrlFetcher
from knowledge.ingestion import ingestion_queue
from knowledge.sources.credentials import CredentialSafe
from knowledge.sources.syncing import Syncing, source_queue
from worker_svc.job_worker import working
from worker_svc.queue_work import JobFailed, to_its_end
from worker_svc.settings import WorkerAppSettings


@asynccontextmanager
async def syncing(resources: Resources) -> AsyncIterator[None]:
    """Looks at sources while the service runs; at the end gives back what it has.

    No stream wakes it: a look takes longer than the poll.
    """
    settings = cast("WorkerAppSettings", resources.settings)
    policy = AddressPolicy(settings.ingestion.fetch_allowed_networks)
    fetcher = UrlFetcher(
        policy,
        max_bytes=settings.ingestion.max_file_bytes,
        timeout=settings.ingestion.fetch_timeout,
    )
    queue = source_queue(resources.database)
    work = Syncing(
        database=resources.database,
        queue=queue,
        documents=ingestion_queue(resources.database, settings.ingestion),
        storage=ObjectStorage.at(settings.storage),
        fetcher=fetcher,
        policy=policy,
        safe=CredentialSafe(settings.sources.sealing_keys()),
        settings=settings.sources,
        ingestion=settings.ingestion,
    )
    sync = partial(sync_source, queue, work)
    try:
        async with working(queue, sync, settings.worker, slots=settings.worker.sync_slots):
            yield
    finally:
        await fetcher.close()


async def sync_source(queue: JobQueue, work: Syncing, job: ClaimedJob) -> None:
    """Takes one claimed run to its end, whatever the end is."""

    async def sync(job: ClaimedJob) -> None:
        try:
            await work.sync(job)
        except DocumentRefused as refusal:
            raise JobFailed(str(refusal.code), str(refusal), retry=refusal.retry) from refusal

    async def end(job: ClaimedJob, failure: JobFailed) -> None:
        await queue.fail(job, failure.code, str(failure), retry=False)

    await to_its_end(queue, job, sync, end)
