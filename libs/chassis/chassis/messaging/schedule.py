"""Periodic work: each task runs once per period, whichever of the workers gets to it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from redis.asyncio import Redis

from chassis.messaging.backoff import Backoff
from chassis.messaging.endurance import describe, heed_cancellation, keep_running
from chassis.messaging.leases import try_lease

_log = structlog.get_logger(__name__)

_AGAIN: Final = Backoff(first=timedelta(seconds=5), longest=timedelta(minutes=5))
_LOOK: Final = 15.0
"""Seconds between two looks whether a worker died over a task that is still due."""


@dataclass(frozen=True, slots=True)
class PeriodicTask:
    """`run` is called once per `every`, counted from 1970 so that all workers agree.

    It may run again when its worker dies half-way, or when Redis is emptied: it has to bear that.
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]


class Schedule:
    """The tasks of a service. Every worker runs one; `run()` never ends by itself."""

    def __init__(self, redis: Redis, tasks: Sequence[PeriodicTask]) -> None:
        self._redis = redis
        self._tasks = tasks

    async def run(self) -> None:
        """Runs due tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            for task in self._tasks:
                group.create_task(keep_running(f"schedule {task.name}", self._loop(task)))

    async def run_due(self) -> list[str]:
        """Runs what is due and was not run by another worker; returns names. Raises TaskFailed."""
        return [task.name for task in self._tasks if await self._run_if_due(task)]

    def _loop(self, task: PeriodicTask) -> Callable[[], Awaitable[None]]:
        async def loop() -> None:
            failures = 0
            while True:
                try:
                    await self._run_if_due(task)
                    failures = 0
                except TaskFailed as error:
                    failures += 1
                    _log.error("task_failed", task=task.name, cause=describe(error.cause))
                    pause = _AGAIN.after(failures).total_seconds()
                else:
                    pause = min(_LOOK, await self._seconds_left(task))
                heed_cancellation()
                await asyncio.sleep(pause)

        return loop

    async def _run_if_due(self, task: PeriodicTask) -> bool:
        period = await self._period(task)
        if await self._is_done(task, period):
            return False
        lease = await try_lease(self._redis, f"schedule:{task.name}")
        if lease is None:
            return False  # another worker is at it
        try:
            if await self._is_done(task, period):  # it was, until a moment ago
                return False
            await self._call(task)
            await self._redis.set(_done_key(task), period)
        finally:
            await lease.release()
        return True

    async def _call(self, task: PeriodicTask) -> None:
        with structlog.contextvars.bound_contextvars(task=task.name):
            try:
                await task.run()
            except Exception as error:
                raise TaskFailed(error) from error

    async def _is_done(self, task: PeriodicTask, period: int) -> bool:
        done: Any = await self._redis.get(_done_key(task))
        with suppress(TypeError, ValueError):
            return int(done) >= period
        return False

    async def _period(self, task: PeriodicTask) -> int:
        return int(await self._now() // task.every.total_seconds())

    async def _seconds_left(self, task: PeriodicTask) -> float:
        seconds = task.every.total_seconds()
        return seconds - await self._now() % seconds

    async def _now(self) -> float:
        """Redis's clock: the only one all workers share."""
        seconds, microseconds = await self._redis.time()
        return float(seconds) + float(microseconds) / 1e6


class TaskFailed(Exception):
    """The task itself failed, not the schedule."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _done_key(task: PeriodicTask) -> str:
    return f"schedule:done:{task.name}"
