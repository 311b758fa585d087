"""Background services outlive every failure: they are started again, later and later."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chassis.data.failures import is_unavailable
from chassis.messaging.backoff import Backoff

_log = structlog.get_logger(__name__)

RECONNECT: Final = Backoff(first=timedelta(milliseconds=100), longest=timedelta(seconds=5))
_HEALTHY_SECONDS: Final = 30.0


async def keep_running(what: str, work: Callable[[], Awaitable[None]]) -> None:
    """Runs `work` again whenever it ends or fails, until cancelled. Never raises anything else."""
    failures = 0
    while True:
        heed_cancellation()
        started = time.monotonic()
        try:
            await work()
            failures = 0
        except Exception as error:  # noqa: BLE001 - logged; stopping here would stop the service
            if time.monotonic() - started > _HEALTHY_SECONDS:
                failures = 0
            failures += 1
            pause = RECONNECT.after(failures)
            _report(what, error, failures)
            await asyncio.sleep(pause.total_seconds())


def heed_cancellation() -> None:
    """To be called before every long wait of a loop that talks to Redis.

    redis-py sends through `asyncio.wait_for`, which on Python 3.11 loses a cancellation arriving
    together with the result (CPython #86296); without this the task would run on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def is_outage(error: BaseException) -> bool:
    """Whether Redis or PostgreSQL could not be reached or could not serve."""
    if isinstance(error, RedisError):
        return isinstance(error, (RedisConnectionError, RedisTimeoutError))
    return is_unavailable(error)


def _report(what: str, error: Exception, failures: int) -> None:
    if is_outage(error):
        # Expected while a server restarts: one line, no stack.
        _log.warning("background_interrupted", what=what, cause=describe(error), failures=failures)
    else:
        _log.error("background_failed", what=what, failures=failures, exc_info=error)


def describe(error: BaseException, limit: int = 300) -> str:
    """The cause in one line, for a log or a dead letter: the class and what it says, cut short."""
    original = getattr(error, "orig", None) or error
    lines = str(original).strip().splitlines()
    said = f": {lines[0]}" if lines else ""
    return f"{type(error).__name__}{said}"[:limit]
