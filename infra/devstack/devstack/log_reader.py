"""`cogep logs`: the ends of the log files, and what is added to them."""

import time
from collections import deque
from pathlib import Path

from rich.console import Console
from rich.text import Text

from devstack.errors import DevstackError

_COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red", "white", "bright_cyan")


def print_logs(folder: Path, name: str | None, *, lines: int, follow: bool) -> None:
    """Print the last lines of one file or of all; with `follow`, go on until interrupted."""
    files = sorted(folder.glob("*.log"))
    if name is not None:
        files = [file for file in files if file.stem == name]
    if not files:
        known = ", ".join(sorted(file.stem for file in folder.glob("*.log"))) or "none yet"
        raise DevstackError(f"There is no log of {name or 'anything'}; there are: {known}.")
    readers = [_Reader(file, index, alone=name is not None) for index, file in enumerate(files)]
    for reader in readers:
        reader.print_end(lines)
    while follow:
        time.sleep(0.2)
        for reader in readers:
            reader.print_new()


class _Reader:
    """One file: knows how far it was read."""

    def __init__(self, file: Path, index: int, *, alone: bool) -> None:
        self._file = file
        self._position = 0
        self._prefix = Text() if alone else Text(f"{file.stem:>10} │ ", style=_colour(index))
        self._console = Console(highlight=False, soft_wrap=True)

    def print_end(self, lines: int) -> None:
        with self._file.open(errors="replace") as content:
            for line in deque(content, maxlen=lines):
                self._print(line)
            self._position = content.tell()

    def print_new(self) -> None:
        if self._file.stat().st_size < self._position:  # rotated
            self._position = 0
        with self._file.open(errors="replace") as content:
            content.seek(self._position)
            while (line := content.readline()).endswith("\n"):
                self._print(line)
                self._position = content.tell()

    def _print(self, line: str) -> None:
        self._console.print(self._prefix + Text(line.rstrip("\n")))


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
