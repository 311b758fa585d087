"""Reading CSV that strangers wrote: in little memory, whatever the file is like.

Nothing in a file expands, so no process of its own is needed for it: what it may cost is bounded by
the lengths of a record and of a cell, and by their number.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_RECORD_CHARACTERS: Final = 100_000
"""Below the limit of a field in Python's csv module, which is global and would be met first."""
MAX_CELL_CHARACTERS: Final = 10_000
MAX_CELLS: Final = 200
_MAX_REWINDS: Final = 100
_SLICE_BYTES: Final = 65_536
_SHOWN_CHARACTERS: Final = 200
_SEPARATOR_LINE: Final = re.compile(r'"?sep=.?"?', re.IGNORECASE | re.DOTALL)


class RecordProblem(StrEnum):
    """Why a record cannot be used. The records after it can."""

    TOO_LONG = "too_long"
    UNCLOSED_QUOTE = "unclosed_quote"
    TOO_MANY_CELLS = "too_many_cells"
    CELL_TOO_LONG = "cell_too_long"
    NUL = "nul"


class CsvUnreadable(Exception):
    """So many quotes are never closed that this is no CSV."""


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """How a file is to be read."""

    encoding: str
    delimiter: str


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """A row. `number` is a spreadsheet's: the header is 1, and empty rows count."""

    number: int
    cells: list[str]
    problem: RecordProblem | None = None


class CsvRecords:
    """Takes bytes as they come and gives back whole records. Empty rows are left out."""

    def __init__(self, form: CsvFormat) -> None:
        decoder = codecs.getincrementaldecoder(form.encoding)("replace")
        self._decode = io.IncrementalNewlineDecoder(decoder, translate=True).decode
        self._lines = _Lines()
        self._reader = csv.reader(self._lines, delimiter=form.delimiter)
        self._rest = ""
        self._skipping = False
        self._is_first = True
        self._number = 0
        self._rewinds = 0

    def feed(self, data: bytes) -> Iterator[CsvRecord]:
        """The records that `data` completes. To be exhausted before the next call."""
        for start in range(0, len(data), _SLICE_BYTES):
            self._split(self._decode(data[start : start + _SLICE_BYTES]))
            yield from self._complete()

    def finish(self) -> Iterator[CsvRecord]:
        """What is left at the end of the file."""
        self._split(self._decode(b"", final=True) + "\n")
        yield from self._complete(final=True)
        while self._lines.taken:  # the file ended within quotes
            yield self._rewind()
            yield from self._complete(final=True)

    def _split(self, text: str) -> None:
        if self._is_first and text:
            text = text.removeprefix("\ufeff")
        *whole, rest = text.split("\n")
        if whole:
            self._take(self._rest + whole[0])
            for line in whole[1:]:
                self._take(line)
            self._rest = ""
        self._rest += rest
        if len(self._rest) > MAX_RECORD_CHARACTERS:
            self._take(self._rest)
            self._rest, self._skipping = "", True

    def _take(self, line: str) -> None:
        if self._skipping:  # the end of a line whose beginning was too long already
            self._skipping = False
            return
        if self._is_first:
            self._is_first = False
            if _SEPARATOR_LINE.fullmatch(line.strip()):
                return  # Excel's own note on the separator, which it does not show as a row
        self._lines.waiting.append(line + "\n")

    def _complete(self, *, final: bool = False) -> Iterator[CsvRecord]:
        while True:
            self._lines.taken.clear()
            try:
                cells = next(self._reader)
            except _Exhausted:
                if not final:
                    self._lines.put_back()
                return
            except (_TooLong, csv.Error):
                yield self._rewind()
                continue
            self._number += 1
            if cells:
                yield _checked(self._number, cells)

    def _rewind(self) -> CsvRecord:
        """Gives up the first line taken; the others are read again, without it."""
        first = self._lines.taken.pop(0)
        self._lines.put_back()
        self._number += 1
        shown = [first[:_SHOWN_CHARACTERS].rstrip("\n").replace("\0", "\ufffd")]
        if len(first) > MAX_RECORD_CHARACTERS:
            return CsvRecord(self._number, shown, RecordProblem.TOO_LONG)
        self._rewinds += 1
        if self._rewinds > _MAX_REWINDS:
            raise CsvUnreadable
        return CsvRecord(self._number, shown, RecordProblem.UNCLOSED_QUOTE)


def _checked(number: int, cells: list[str]) -> CsvRecord:
    if len(cells) > MAX_CELLS:
        return CsvRecord(number, _storable(cells[:MAX_CELLS]), RecordProblem.TOO_MANY_CELLS)
    if any(len(cell) > MAX_CELL_CHARACTERS for cell in cells):
        return CsvRecord(number, _storable(cells), RecordProblem.CELL_TOO_LONG)
    if any("\0" in cell for cell in cells):
        return CsvRecord(number, _storable(cells), RecordProblem.NUL)
    return CsvRecord(number, cells)


def _storable(cells: list[str]) -> list[str]:
    """Short enough to be shown beside the problem, and without what no database takes."""
    return [cell[:_SHOWN_CHARACTERS].replace("\0", "\ufffd") for cell in cells]


class _Exhausted(Exception):
    """The record goes on in lines that have not come yet."""


class _TooLong(Exception):
    """The record goes on beyond what one may be."""


class _Lines:
    """What the csv module reads from: it remembers the lines of the record under way.

    It never ends by itself: at the end of an iterator the module takes half a record for a whole
    one. After an exception the module begins a new record.
    """

    def __init__(self) -> None:
        self.waiting: deque[str] = deque()
        self.taken: list[str] = []
        self._characters = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if not self.waiting:
            raise _Exhausted
        if not self.taken:
            self._characters = 0
        line = self.waiting.popleft()
        self.taken.append(line)
        self._characters += len(line)
        if self._characters > MAX_RECORD_CHARACTERS:
            raise _TooLong
        return line

    def put_back(self) -> None:
        """The lines taken are read again."""
        self.waiting.extendleft(reversed(self.taken))
        self.taken.clear()
