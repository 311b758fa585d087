"""How far a job is, shown while it runs, and cheap for jobs that are over in no time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import structlog
from prometheus_client import Histogram

from chassis.messaging.job_queue import ClaimedJob, JobQueue, LeaseLost
from knowledge.metrics import STAGE_DURATION

_log = structlog.get_logger(__name__)

_SHOWN_EVERY: Final = 1.0
"""Seconds. Most documents are indexed before the first report is due."""


class Stage(StrEnum):
    """The way of a document, in order."""

    FETCH = "fetch"
    EXTRACT = "extract"
    CHUNK = "chunk"
    EMBED = "embed"
    INDEX = "index"


_BEGINS_AT: Final = MappingProxyType(
    {Stage.FETCH: 0, Stage.EXTRACT: 10, Stage.CHUNK: 40, Stage.EMBED: 60, Stage.INDEX: 85}
)
"""Percent of the whole when a stage begins."""
_ENDS_AT: Final = MappingProxyType(
    {Stage.FETCH: 10, Stage.EXTRACT: 40, Stage.CHUNK: 60, Stage.EMBED: 85, Stage.INDEX: 99}
)


class Progress:
    """Where one job stands. Reports at most once a second, and the latest state only."""

    def __init__(self, queue: JobQueue, job: ClaimedJob) -> None:
        self._queue = queue
        self._job = job
        self._stage = Stage.FETCH
        self._percent = 0
        self._reported: tuple[Stage, int] | None = None
        self._began: dict[Stage, float] = {}
        self._took: dict[Stage, float] = {}

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Names the stage that begins, and measures it."""
        self._stage, self._percent = stage, _BEGINS_AT[stage]
        self._began[stage] = time.monotonic()
        try:
            with _timed(STAGE_DURATION, stage):
                yield
        finally:
            self._took[stage] = time.monotonic() - self._began[stage]

    def seconds(self) -> dict[str, float]:
        """How long each stage of this attempt took, the running one until now."""
        now = time.monotonic()
        return {
            stage.value: round(self._took.get(stage, now - began), 3)
            for stage, began in self._began.items()
        }

    def within_stage(self, share: float) -> None:
        """How much of the current stage is done, 0 to 1."""
        begin, end = _BEGINS_AT[self._stage], _ENDS_AT[self._stage]
        self._percent = begin + int((end - begin) * min(max(share, 0.0), 1.0))

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Reports while the block runs; a lost lease cancels the block, which raises LeaseLost.

        Not around the write that ends the job: it holds the row that a report waits for.
        """
        over = asyncio.Event()
        working = asyncio.current_task()
        lost = False

        async def report() -> None:
            nonlocal lost
            while not await _within(_SHOWN_EVERY, over):
                try:
                    await self.report()
                except LeaseLost:
                    if working is not None and not over.is_set():
                        lost = True
                        working.cancel()
                    return
                except Exception as error:  # noqa: BLE001 - not worth failing a job for
                    _log.warning("progress_not_reported", error=type(error).__name__)

        reporting = asyncio.create_task(report())
        try:
            yield
        except asyncio.CancelledError:
            if lost and working is not None and working.uncancel() == 0:
                raise LeaseLost from None
            raise
        finally:
            over.set()
            await reporting

    @property
    def was_shown(self) -> bool:
        """Whether the job takes long enough for somebody to watch it."""
        return self._reported is not None

    async def report(self) -> None:
        """Shows the latest state, unless it is shown already. Raises LeaseLost."""
        now = (self._stage, self._percent)
        if now != self._reported:
            await self._queue.report(self._job, *now)
            self._reported = now


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether the event came in that time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False


@contextmanager
def _timed(histogram: Histogram, stage: Stage) -> Iterator[None]:
    with histogram.labels(stage.value).time():
        yield
