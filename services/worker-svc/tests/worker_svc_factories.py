"""A running worker, and waiting for what it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from knowledge_factories import Knowledge

from worker_svc.main import create_app
from worker_svc.settings import WorkerAppSettings


@asynccontextmanager
async def running_worker(settings: WorkerAppSettings) -> AsyncIterator[httpx.AsyncClient]:
    """The service, started; its HTTP side as a client. Leaving stops it as SIGTERM does."""
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://worker-svc"
        ) as client,
    ):
        yield client


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Looks again and again: the state is another task's, or another process's."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)


async def all_finished(knowledge: Knowledge) -> bool:
    """Whether no job is waiting or running."""
    table = knowledge.ingestion.queue.table
    async with knowledge.ingestion.database.worker_transaction() as session:
        left = await session.execute(
            table.select().where(table.c.state.in_(("pending", "processing"))).limit(1)
        )
        return left.first() is None
