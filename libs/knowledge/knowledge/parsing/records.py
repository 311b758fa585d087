"""CSV: the separator is found out, each row becomes a line that names its columns."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.tables import record_blocks

_SEPARATORS: Final = (";", "\t", ",")
_LINES_LOOKED_AT: Final = 20
_ENOUGH_ROWS: Final = {";": 3, "\t": 2, ",": 3}
_LONGEST_CELL: Final = 100_000


def csv_separator(text: str) -> str | None:
    """What separates the cells: the sign that cuts each of the first lines into as many.

    Prose has commas too, but not as many in each line; a list of names has none.
    """
    for separator in _SEPARATORS:
        rows = _first_rows(text, separator)
        widths = {len(row) for row in rows}
        if len(rows) < _ENOUGH_ROWS[separator] or len(widths) != 1 or widths == {1}:
            continue
        if all(rows[0]) and not _spaced(rows):
            return separator
    return None


def _spaced(rows: list[list[str]]) -> bool:
    """Whether the sign stands as in prose, with a blank behind it."""
    cells = [cell for row in rows for cell in row[1:] if cell]
    return sum(cell.startswith(" ") for cell in cells) * 2 > len(cells)


def _first_rows(text: str, separator: str) -> list[list[str]]:
    """The first rows; the last one may be cut off by the sample's end and does not count."""
    lines = text[:16_384].splitlines(keepends=True)
    if len(lines) > _LINES_LOOKED_AT or not text.endswith("\n"):
        lines = lines[: max(min(len(lines) - 1, _LINES_LOOKED_AT), 2)]
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return []
    return [row for row in rows if row]


def extract_csv(text: str, limits: Limits) -> Extraction:
    """A line per row. A file that only looked like one is read as its lines."""
    if len(text) > limits.max_characters:
        raise ParsingFailure(Cause.TOO_LONG)
    return Extraction(_blocks(text.replace("\0", "")))


def _blocks(text: str) -> Iterator[Block]:
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=csv_separator(text) or ",")
    try:
        yield from record_blocks(rows)
    except csv.Error as error:
        raise ParsingFailure(Cause.BROKEN) from error
