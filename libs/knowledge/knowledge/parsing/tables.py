"""Tables as lines a person can read: one per row, and no row without the names of its columns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from knowledge.parsing.extraction import CELL_SEPARATOR, Block

REPEAT_EVERY: Final = 25
"""A header is repeated after so many rows: about what a passage holds."""
_MAX_NAME: Final = 60
_HEADER_CELLS: Final = 2


def row_line(cells: Iterable[str]) -> str:
    """The cells on one line, empty ones at the end left out."""
    line = [" ".join(cell.split()) for cell in cells]
    while line and not line[-1]:
        line.pop()
    return CELL_SEPARATOR.join(line)


def table_blocks(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """A block per row; in long tables the first row comes again, so that passages keep it."""
    header: str | None = None
    count = 0
    for row in rows:
        line = row_line(row)
        if not line.strip(" |"):
            continue
        if count and count % REPEAT_EVERY == 0 and header:
            yield Block(header, tight=True)
        yield Block(line, tight=count > 0)
        header = header or line
        count += 1


def record_blocks(rows: Iterable[Sequence[str]]) -> Iterator[Block]:
    """A sheet's rows, each cell after its column's name: "Código: S233 | Prazo: 49 dias".

    Sheets are long and read by the row. One whose first row is no header is given as a table.
    """
    iterator = iter(rows)
    first = next((row for row in iterator if any(cell.strip() for cell in row)), None)
    if first is None:
        return
    names = [" ".join(cell.split()) for cell in first]
    if not _is_header(names):
        yield from table_blocks(_followed(first, iterator))
        return
    yield Block(row_line(names))
    for row in iterator:
        line = CELL_SEPARATOR.join(
            f"{names[at]}: {' '.join(cell.split())}" if at < len(names) and names[at] else cell
            for at, cell in enumerate(row)
            if cell.strip()
        )
        if line:
            yield Block(line, tight=True)


def _is_header(names: Sequence[str]) -> bool:
    """Short, different words, most of them no numbers."""
    given = [name for name in names if name]
    words = [name for name in given if any(sign.isalpha() for sign in name)]
    return (
        len(given) >= _HEADER_CELLS
        and len(set(given)) == len(given)
        and len(words) * 2 > len(given)
        and max(map(len, given)) <= _MAX_NAME
    )


def _followed(first: Sequence[str], rest: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield first
    yield from rest
