"""Tables of a PDF by the lines drawn around their cells: a row's cells come on one line."""

import bisect
import ctypes
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

from knowledge.parsing.tables import row_line

_MAX_SEGMENTS: Final = 8_000
_MAX_LINES: Final = 600
_MAX_SHAPES: Final = 20_000
_MAX_CHARACTERS: Final = 50_000
_TOUCHING: Final = 2.5
"""Points: lines are drawn as thin boxes, and do not always meet."""
_SHORTEST: Final = 4.0
_FEWEST: Final = 3
"""Lines each way: two rows, two columns."""

Line = tuple[float, float, float]
"""Where it is, and from where to where: y, left, right of a horizontal, x, bottom, top of a
vertical line; in points, from the page's lower left."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's lines: `ys` from top to bottom."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    verticals: tuple[Line, ...]

    def cell_at(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column. Cells that no line separates are one, its column the leftmost."""
        if not (self.xs[0] < x < self.xs[-1] and self.ys[-1] < y < self.ys[0]):
            return None
        row = bisect.bisect_left([-line for line in self.ys], -y) - 1
        column = bisect.bisect_left(self.xs, x) - 1
        middle = (self.ys[row] + self.ys[row + 1]) / 2
        while column > 0 and not self._separated(self.xs[column], middle):
            column -= 1
        return row, column

    def _separated(self, x: float, y: float) -> bool:
        return any(
            abs(at - x) <= _TOUCHING and low <= y <= high for at, low, high in self.verticals
        )


def text_with_tables(page: pdfium.PdfPage, text_page: pdfium.PdfTextPage) -> str | None:
    """The page's text, each row of a ruled table as a line; None for a page without tables."""
    shapes = pdfium_c.FPDFPage_CountObjects(page)
    if text_page.count_chars() > _MAX_CHARACTERS or shapes > _MAX_SHAPES:
        return None
    grids = list(_grids(page))
    text = text_page.get_text_range() if grids else ""
    # Only where characters and their boxes are numbered alike.
    if not grids or len(text) != text_page.count_chars():
        return None
    return _rewritten(text, text_page, grids)


def _rewritten(text: str, text_page: pdfium.PdfTextPage, grids: Sequence[Grid]) -> str:
    """Takes the tables' characters out and puts their rows where the first one stood."""
    out: list[str] = []
    cells: dict[int, dict[tuple[int, int], list[str]]] = defaultdict(lambda: defaultdict(list))
    places: dict[int, int] = {}
    within: list[str] | None = None
    for index, sign in enumerate(text):
        if sign.isspace():
            (out if within is None else within).append(" " if within else sign)
            continue
        found = _place(text_page, index, grids)
        if found is None:
            within = None
            out.append(sign)
            continue
        number, cell = found
        if number not in places:
            places[number] = len(out)
            out.append("")
        within = cells[number][cell]
        within.append(sign)
    for number, place in places.items():
        out[place] = "\n" + "\n".join(_rows(cells[number])) + "\n"
    return "".join(out)


def _place(
    text_page: pdfium.PdfTextPage, index: int, grids: Sequence[Grid]
) -> tuple[int, tuple[int, int]] | None:
    left, bottom, right, top = text_page.get_charbox(index)
    for number, grid in enumerate(grids):
        cell = grid.cell_at((left + right) / 2, (bottom + top) / 2)
        if cell is not None:
            return number, cell
    return None


def _rows(cells: dict[tuple[int, int], list[str]]) -> Iterator[str]:
    """Every row has every column, so that a value stays below its name."""
    columns = sorted({column for _, column in cells})
    for row in sorted({row for row, _ in cells}):
        yield row_line("".join(cells.get((row, column), ())) for column in columns)


def _grids(page: pdfium.PdfPage) -> Iterator[Grid]:
    """The tables: lines that touch each other, at least three each way."""
    horizontals, verticals = _lines(page)
    if not _FEWEST <= len(horizontals) <= _MAX_LINES or not _FEWEST <= len(verticals) <= _MAX_LINES:
        return
    for across, down in _connected(horizontals, verticals):
        xs = _distinct(line[0] for line in down)
        ys = _distinct(line[0] for line in across)
        if len(xs) >= _FEWEST and len(ys) >= _FEWEST:
            yield Grid(tuple(xs), tuple(reversed(ys)), tuple(down))


def _connected(
    horizontals: list[Line], verticals: list[Line]
) -> Iterator[tuple[list[Line], list[Line]]]:
    left = set(range(len(verticals)))
    todo = set(range(len(horizontals)))
    while todo:
        across, down, queue = [], [], [todo.pop()]
        while queue:
            line = horizontals[queue.pop()]
            across.append(line)
            met = [number for number in left if _cross(line, verticals[number])]
            left.difference_update(met)
            for number in met:
                down.append(verticals[number])
                further = [other for other in todo if _cross(horizontals[other], verticals[number])]
                todo.difference_update(further)
                queue += further
        yield across, down


def _cross(across: Line, down: Line) -> bool:
    y, left, right = across
    x, bottom, top = down
    return left - _TOUCHING <= x <= right + _TOUCHING and bottom - _TOUCHING <= y <= top + _TOUCHING


def _distinct(values: Iterator[float]) -> list[float]:
    """In ascending order, those that are nearly one taken for one."""
    distinct: list[float] = []
    for value in sorted(values):
        if not distinct or value - distinct[-1] > _TOUCHING:
            distinct.append(value)
    return distinct


def _lines(page: pdfium.PdfPage) -> tuple[list[Line], list[Line]]:
    """The horizontal and the vertical ones, pieces of one line joined."""
    horizontals: list[Line] = []
    verticals: list[Line] = []
    for (x, y), (to_x, to_y) in _segments(page):
        if abs(to_y - y) < 1 and abs(to_x - x) >= _SHORTEST:
            horizontals.append((y, min(x, to_x), max(x, to_x)))
        elif abs(to_x - x) < 1 and abs(to_y - y) >= _SHORTEST:
            verticals.append((x, min(y, to_y), max(y, to_y)))
    return _joined(horizontals), _joined(verticals)


def _joined(lines: list[Line]) -> list[Line]:
    joined: list[Line] = []
    for at, start, end in sorted((round(at), start, end) for at, start, end in lines):
        if joined and joined[-1][0] == at and start <= joined[-1][2] + _TOUCHING:
            joined[-1] = (at, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((at, start, end))
    return joined


def _segments(page: pdfium.PdfPage) -> Iterator[tuple[Point, Point]]:
    """Straight pieces of the page's own paths, in its coordinates."""
    seen = 0
    for shape in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_PATH], max_depth=1):
        count = pdfium_c.FPDFPath_CountSegments(shape)
        seen += max(count, 0)
        if seen > _MAX_SEGMENTS:
            return
        yield from _pieces(shape, count)


def _pieces(shape: Any, count: int) -> Iterator[tuple[Point, Point]]:
    matrix = shape.get_matrix()
    start = before = (0.0, 0.0)
    for number in range(count):
        piece = pdfium_c.FPDFPath_GetPathSegment(shape, number)
        x, y = ctypes.c_float(), ctypes.c_float()
        if not piece or not pdfium_c.FPDFPathSegment_GetPoint(piece, x, y):
            return
        point = matrix.on_point(x.value, y.value)
        kind = pdfium_c.FPDFPathSegment_GetType(piece)
        if kind == pdfium_c.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium_c.FPDF_SEGMENT_LINETO:
            yield before, point
        before = point
        if pdfium_c.FPDFPathSegment_GetClose(piece):
            yield before, start
            before = start
