"""Ctrl-C, SIGTERM and a closed terminal, turned into one exception at a safe moment."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """Somebody asked the supervisor to end. An event loop swallows everything but this kind."""


class StopSignals:
    """Raises Stopped once; while it is acted upon, further signals are ignored."""

    def __init__(self) -> None:
        self._deferred = False
        self._received = False

    def install(self) -> None:
        """From now on the signals raise Stopped in the main thread."""
        for number in _SIGNALS:
            signal.signal(number, self._handle)

    def ignore(self) -> None:
        """Nothing may interrupt what follows."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the body finish first: a process half started would be known to nobody."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self._received:
            self._raise()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._received = True
        if not self._deferred:
            self._raise()

    def _raise(self) -> None:
        self.ignore()
        raise Stopped
