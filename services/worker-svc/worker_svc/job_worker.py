"""Working off a queue: a job per slot, kept alive while it runs, given back at the end."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import structlog

from chassis.messaging.endurance import keep_running
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from shared_schemas.ids import new_id
from worker_svc.settings import WorkerSettings

_log = structlog.get_logger(__name__)

_COLLECT_SECONDS: Final = 0.02
"""After a job ended, others are about to: their slots are filled by one claim."""
_BEATS_PER_LEASE: Final = 3

Handler = Callable[[ClaimedJob], Awaitable[None]]
"""Takes a job to its end and writes that down; cancelled, it gives the job back."""


@asynccontextmanager
async def working(
    queue: JobQueue, handle: Handler, settings: WorkerSettings, *, slots: int
) -> AsyncIterator["JobWorker"]:
    """Works off the queue meanwhile; at the end finishes or gives back what it has."""
    worker = JobWorker(queue, handle, slots=slots, poll=settings.poll, patience=settings.patience)
    async with running(worker.run()):
        yield worker


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Meanwhile the work goes on; at the end it is cancelled, and awaited."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class JobWorker:
    """One process's share of a queue. A long job holds one slot; the others go on."""

    def __init__(
        self, queue: JobQueue, handle: Handler, *, slots: int, poll: timedelta, patience: timedelta
    ) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}:{str(new_id())[-4:]}"
        self._queue = queue
        self._handle = handle
        self._slots = slots
        self._poll = poll.total_seconds()
        self._patience = patience.total_seconds()
        self._running: dict[asyncio.Task[None], ClaimedJob] = {}
        self._stir = asyncio.Event()

    def wake(self) -> None:
        """There may be work: looks at once instead of at the next poll."""
        self._stir.set()

    async def run(self) -> None:
        """Works until cancelled; then claims no more, and finishes or gives back what it has."""
        beating = asyncio.create_task(keep_running("job heartbeat", self._beat))
        try:
            await keep_running("job worker", self._work)
        finally:
            await self._finish()
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _work(self) -> None:
        while True:
            self._stir.clear()
            free = self._slots - len(self._running)
            claimed = await self._queue.claim(self.name, free) if free else []
            for job in claimed:
                task = asyncio.create_task(self._handle_one(job))
                self._running[task] = job
                task.add_done_callback(self._ended)
            if len(self._running) == self._slots:
                await self._wait(None)  # until one of them ends
                await asyncio.sleep(_COLLECT_SECONDS)
            elif not claimed:
                await self._wait(self._poll)
            # Otherwise there may be more: other workers' claims hide some jobs from this one's.

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stir.wait()

    async def _handle_one(self, job: ClaimedJob) -> None:
        try:
            await self._handle(job)
        except Exception as error:  # noqa: BLE001 - the lease runs out, and the job is tried again
            _log.error("job_failed", queue=self._queue.name, exc_info=error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        was_full = len(self._running) == self._slots
        del self._running[task]
        if was_full:
            self._stir.set()

    async def _beat(self) -> None:
        """Extends the leases of what runs, and stops the work on what was lost."""
        while True:
            await asyncio.sleep(self._queue.lease.total_seconds() / _BEATS_PER_LEASE)
            lost = await self._queue.heartbeat(list(self._running.values()))
            for task, job in list(self._running.items()):
                if job in lost:
                    task.cancel()

    async def _finish(self) -> None:
        if not self._running:
            return
        _log.info("job_worker_stopping", queue=self._queue.name, jobs=len(self._running))
        tasks = list(self._running)
        _, unfinished = await asyncio.wait(tasks, timeout=self._patience)
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
