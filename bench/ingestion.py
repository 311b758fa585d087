"""One worker-svc process working off a backlog of short texts."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import asyncpg

from bench import backlog
from bench.chassis_database import open_database
from bench.figures import Goal, Outcome, figure
from bench.key_server import running_identity
from bench.servers import running_servers
from bench.service_process import ServiceProcess, running_service
from knowledge.models import SCHEMA

_DOCUMENTS = 500
_WARM_UP = 100
_WINDOW = 80
_SAMPLE_SECONDS = 0.2
_LIMIT_SECONDS = 180.0

METHOD = f"""
{_DOCUMENTS} texts of {backlog.TEXT_BYTES:,} bytes (made-up Portuguese in Markdown, no two
alike) of two organizations are submitted through `knowledge.submission` before one real
worker-svc process is started under uvicorn with its own settings, local embedder, durable
PostgreSQL. The clock is the documents' `indexed_at`: the first {_WARM_UP} are warm-up, every
further {_WINDOW} are one value. Every document must end indexed. Memory is the resident set
of the worker's process, sampled every {_SAMPLE_SECONDS * 1000:.0f} ms from its start to its
last document, alone and with its children.
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
    """Fill the queue, start the worker, watch it."""
    memory = _Memory()
    with running_servers() as servers, running_identity() as identity:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(servers, SCHEMA))
            admin = await asyncpg.connect(servers.plain_url("postgres"))
            stack.push_async_callback(admin.close)
            await backlog.submit_texts(database, _DOCUMENTS)
            with running_service("worker_svc.main:create_app", servers, identity) as worker:
                await _watch(admin, worker, memory)
            times = await backlog.indexed_at(admin)
    if len(times) != _DOCUMENTS:
        raise AssertionError(f"{len(times)} of {_DOCUMENTS} documents were indexed")
    ends = range(_WARM_UP + _WINDOW, _DOCUMENTS + 1, _WINDOW)
    rates = [_WINDOW / (times[end - 1] - times[end - 1 - _WINDOW]) for end in ends]
    return Outcome(
        METHOD,
        [
            figure("documents of 5 KB, one worker", rates, "documents/s", Goal(at_least=20)),
            figure("memory of the worker, peak", [max(memory.alone)], "MB", Goal(below=256)),
            figure("memory with its children, peak", [max(memory.with_children)], "MB"),
        ],
    )


async def _watch(admin: asyncpg.Connection, worker: ServiceProcess, memory: _Memory) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while True:
        memory.sample(worker)
        if await backlog.unfinished(admin) == 0:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"the backlog was not worked off within {_LIMIT_SECONDS:.0f} s")
        await asyncio.sleep(_SAMPLE_SECONDS)
