"""Tells a person, step by step, what happens and how long it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Progress:
    """Lines on the terminal. With a pipe or a log file behind it: the same lines, no decoration."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._started = time.monotonic()

    @contextmanager
    def step(self, doing: str, done: str | None = None) -> Iterator["Step"]:
        """One step: a spinner while it lasts, one line with its time when it is done."""
        step = Step(done or doing)
        begun = time.monotonic()
        with self.console.status(f"{doing} …"):
            yield step
        self._line("✓", "green", step.done, time.monotonic() - begun)

    def done(self, what: str, seconds: float) -> None:
        """A step that was measured elsewhere."""
        self._line("✓", "green", what, seconds)

    def note(self, what: str) -> None:
        """Something worth knowing that is no step."""
        self.console.print(Text(f"  {what}", style="dim"))

    def warn(self, what: str) -> None:
        """Something went wrong and is being dealt with."""
        self.console.print(Text.assemble(("! ", "yellow"), what))

    @property
    def total_seconds(self) -> float:
        """Since the first line."""
        return time.monotonic() - self._started

    def _line(self, mark: str, style: str, what: str, seconds: float) -> None:
        width = max(1, 62 - len(what))
        self.console.print(
            Text.assemble((f"{mark} ", style), what, " " * width, (f"{seconds:5.1f} s", "dim"))
        )


class Step:
    """Lets the body of a step say more precisely what was done."""

    def __init__(self, done: str) -> None:
        self.done = done
