"""worker-svc working off a backlog of short texts: alone, beside a second one, and a long PDF."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from bench import backlog, long_pdf, sequential_pipeline
from bench.chassis_database import open_database
from bench.figures import Goal, Outcome, figure
from bench.key_server import Identity, running_identity
from bench.servers import Servers, running_servers
from bench.service_process import ServiceProcess, running_service
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.settings import StorageSettings
from knowledge.assembly import open_ingestion
from knowledge.embedders.local import LocalEmbedder
from knowledge.ingestion import Ingestion
from knowledge.models import SCHEMA
from knowledge.settings import IngestionSettings

_DOCUMENTS = 500
_WARM_UP = 100
_WINDOW = 80
_ONE_BY_ONE = 60
_SAMPLE_SECONDS = 0.2
_LIMIT_SECONDS = 180.0
_CORES_OF_TWO = 6
"""Two workers with a parser each, PostgreSQL and the rest: with fewer they take each other's."""

METHOD = f"""
{_DOCUMENTS} texts of {backlog.TEXT_BYTES:,} bytes (made-up Portuguese in Markdown, no two
alike) of two organizations are submitted through `knowledge.submission` before one real
worker-svc process is started under uvicorn with its own settings, local embedder, durable
PostgreSQL. The clock is the versions' `indexed_at`: the first {_WARM_UP} are warm-up, every
further {_WINDOW} are one value. Every document must end indexed. Memory is the resident set
of the worker's process, sampled every {_SAMPLE_SECONDS * 1000:.0f} ms from its start to its
last document, alone and with its children, the PDF included.

*One by one*: {_ONE_BY_ONE} further documents through `bench/sequential_pipeline.py`, the same parts
put together as one would at first: one document at a time, a transaction per stage, each chunk
analysed, embedded and written by itself, and the word statistics counted afresh after each
document. *Two workers*: {_DOCUMENTS} further documents and two worker-svc processes. *Long PDF*:
{long_pdf.PAGES} pages of text, from the worker's claim to `indexed_at`.
"""


@dataclass(slots=True)
class _Memory:
    """The largest resident sets seen, in megabytes."""

    alone: list[float] = field(default_factory=list)
    with_children: list[float] = field(default_factory=list)

    def sample(self, worker: ServiceProcess) -> None:
        alone, together = worker.rss_megabytes()
        self.alone.append(alone)
        self.with_children.append(together)


async def measure() -> Outcome:
    """Fill the queue, start the worker, watch it; then the comparisons on the same servers."""
    memory = _Memory()
    with running_servers() as servers, running_identity() as identity:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(servers, SCHEMA))
            admin = await asyncpg.connect(servers.plain_url("postgres"))
            stack.push_async_callback(admin.close)
            alone = await _rates(admin, database, servers, identity, memory, workers=1)
            pdf = await _long_pdf(admin, database, servers, identity, memory)
            two = await _rates(admin, database, servers, identity, _Memory(), workers=2)
            async with _pipeline(database, servers) as ingestion:
                await backlog.submit_texts(database, _ONE_BY_ONE, first=3 * _DOCUMENTS)
                seconds = await sequential_pipeline.work_off(ingestion, _ONE_BY_ONE)
            await backlog.indexed_at(admin)  # raises when one has failed
    one_by_one = 1 / (sum(seconds) / len(seconds))
    return Outcome(
        METHOD,
        [
            figure("documents of 5 KB, one worker", alone, "documents/s", Goal(at_least=30)),
            figure("one by one", [one_by_one], "documents/s"),
            figure(
                "one worker over one by one",
                [rate / one_by_one for rate in alone],
                "×",
                Goal(at_least=8),
            ),
            figure("two workers over one", [_mean(two) / _mean(alone)], "×", _two_workers_goal()),
            figure(f"PDF of {long_pdf.PAGES} pages", [pdf], "s", Goal(below=30)),
            figure("memory of the worker, peak", [max(memory.alone)], "MB", Goal(below=256)),
            figure(
                "memory with its children, peak", [max(memory.with_children)], "MB", Goal(below=512)
            ),
        ],
    )


def _two_workers_goal() -> Goal | None:
    """1.7 times one, where cores allow."""
    return Goal(at_least=1.7) if (os.cpu_count() or 1) >= _CORES_OF_TWO else None


async def _rates(
    admin: asyncpg.Connection,
    database: Database,
    servers: Servers,
    identity: Identity,
    memory: _Memory,
    *,
    workers: int,
) -> Sequence[float]:
    """Documents per second, window by window."""
    before = len(await backlog.indexed_at(admin))
    await backlog.submit_texts(database, _DOCUMENTS, first=before)
    with ExitStack() as running:
        started = [
            running.enter_context(running_service("worker_svc.main:create_app", servers, identity))
            for _ in range(workers)
        ]
        await _watch(admin, started[0], memory)
    times = (await backlog.indexed_at(admin))[before:]
    if len(times) != _DOCUMENTS:
        raise AssertionError(f"{len(times)} of {_DOCUMENTS} documents were indexed")
    ends = range(_WARM_UP + _WINDOW, _DOCUMENTS + 1, _WINDOW)
    return [_WINDOW / (times[end - 1] - times[end - 1 - _WINDOW]) for end in ends]


async def _long_pdf(
    admin: asyncpg.Connection,
    database: Database,
    servers: Servers,
    identity: Identity,
    memory: _Memory,
) -> float:
    """Seconds of work on one long document."""
    storage = ObjectStorage.at(StorageSettings(url=servers.environment()["STORAGE_URL"]))
    document_id = await backlog.submit_file(database, storage, long_pdf.make(), "longo.pdf")
    with running_service("worker_svc.main:create_app", servers, identity) as worker:
        await _watch(admin, worker, memory)
    return await backlog.seconds_of_work(admin, document_id)


@asynccontextmanager
async def _pipeline(database: Database, servers: Servers) -> AsyncIterator[Ingestion]:
    storage = ObjectStorage.at(StorageSettings(url=servers.environment()["STORAGE_URL"]))
    async with open_ingestion(database, storage, LocalEmbedder(), IngestionSettings()) as pipeline:
        yield pipeline


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


async def _watch(admin: asyncpg.Connection, worker: ServiceProcess, memory: _Memory) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while True:
        memory.sample(worker)
        if await backlog.unfinished(admin) == 0:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the backlog was not worked off within {_LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(_SAMPLE_SECONDS)
