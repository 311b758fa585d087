"""Not asking a service that keeps failing: closed, open, and half-open to let one call find out."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from enum import StrEnum

from chassis.observability.metrics import CIRCUIT_STATE


class CircuitOpen(Exception):
    """The call was not made; asking again makes sense after `retry_after`."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after = retry_after


class CircuitState(StrEnum):
    """Where the breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Opens after `threshold` failures in a row; after `pause` exactly one call is let through.

    Its success closes the circuit, its failure opens it again. What counts as a failure is what
    leaves `attempt` as an exception; a call that was cancelled proves nothing.
    """

    def __init__(
        self,
        target: str,
        *,
        threshold: int = 5,
        pause: timedelta = timedelta(seconds=30),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._threshold = threshold
        self._pause = pause.total_seconds()
        self._clock = clock
        self._failures = 0
        self._opened_at: float | None = None
        self._probing = False

    @property
    def state(self) -> CircuitState:
        """The state a call would find now."""
        if self._opened_at is None:
            return CircuitState.CLOSED
        if self._probing or self._clock() < self._opened_at + self._pause:
            return CircuitState.OPEN
        return CircuitState.HALF_OPEN

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Around one call; `CircuitOpen` instead of it while the circuit is open."""
        state = self.state
        if state is CircuitState.OPEN:
            raise CircuitOpen(self._remaining())
        probe = state is CircuitState.HALF_OPEN
        self._probing = probe
        try:
            yield
        except Exception:  # counted, and raised on
            self._failed(probe=probe)
            raise
        else:
            self._succeeded()
        finally:
            if probe:
                self._probing = False

    def _failed(self, *, probe: bool) -> None:
        self._failures += 1
        # Calls that were under way when it opened do not prolong the pause.
        if probe or (self._opened_at is None and self._failures >= self._threshold):
            self._opened_at = self._clock()
            CIRCUIT_STATE.labels(self._target).set(1)

    def _succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None
        CIRCUIT_STATE.labels(self._target).set(0)

    def _remaining(self) -> timedelta:
        opened_at = self._opened_at if self._opened_at is not None else self._clock()
        return timedelta(seconds=max(1.0, opened_at + self._pause - self._clock()))
