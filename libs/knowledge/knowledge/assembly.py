"""Putting the pipeline together, and taking it apart again in order."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import OnReport
from knowledge.addresses import AddressPolicy
from knowledge.embedders import Embedder
from knowledge.fetching import Resolver, UrlFetcher, resolve
from knowledge.ingestion import Ingestion, ingestion_queue
from knowledge.originals import OriginalReader
from knowledge.sandbox import Sandbox, SandboxLimits
from knowledge.settings import IngestionSettings
from knowledge.threads import Compute
from knowledge.word_counts import WordCounts


@asynccontextmanager
async def open_ingestion(
    database: Database,
    storage: ObjectStorage,
    embedder: Embedder,
    settings: IngestionSettings,
    *,
    resolver: Resolver = resolve,
    on_report: OnReport | None = None,
) -> AsyncIterator[Ingestion]:
    """The pipeline, ready for jobs. Leaving kills the parsers' processes."""
    async with AsyncExitStack() as stack:
        compute = Compute()
        stack.callback(compute.close)
        rows = Compute()
        stack.callback(rows.close)
        sandbox = Sandbox(
            SandboxLimits(
                settings.limits,
                memory_bytes=settings.parser_memory_bytes,
                cpu=settings.parser_cpu,
                wall=settings.parser_wall,
            ),
            processes=settings.parser_processes,
        )
        stack.push_async_callback(sandbox.close)
        fetcher = UrlFetcher(
            AddressPolicy(settings.fetch_allowed_networks),
            max_bytes=settings.max_file_bytes,
            timeout=settings.fetch_timeout,
            resolver=resolver,
        )
        stack.push_async_callback(fetcher.close)
        await sandbox.warm_up()
        word_counts = WordCounts(database)
        stack.push_async_callback(word_counts.settled)
        yield Ingestion(
            database=database,
            queue=ingestion_queue(database, settings, on_report),
            storage=storage,
            originals=OriginalReader(
                storage=storage,
                fetcher=fetcher,
                sandbox=sandbox,
                compute=compute,
                settings=settings,
            ),
            embedder=embedder,
            compute=compute,
            rows=rows,
            word_counts=word_counts,
            quota=settings.quota,
        )
