"""XLSX through calamine: a heading per sheet, a line per row; formulas by their last value."""

import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

import python_calamine as calamine

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import open_container, refuse_encrypted
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.tables import record_blocks

_MAX_CELLS: Final = 4_000_000
"""Also empty ones: a sheet with one cell in its last corner claims 17 billion."""


def extract_xlsx(raw: bytes, limits: Limits) -> Extraction:
    """The sheets in their order, hidden ones too; charts and comments are not read."""
    with open_container(raw, limits) as archive:
        refuse_encrypted(archive)
    return Extraction(_blocks(raw))


def _blocks(raw: bytes) -> Iterator[Block]:
    try:
        workbook = calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        for number, name in enumerate(workbook.sheet_names, start=1):
            sheet = workbook.get_sheet_by_name(name)
            if sheet.total_height * sheet.total_width > _MAX_CELLS:
                raise ParsingFailure(Cause.TOO_COMPLEX)
            rows = (list(map(_shown, row)) for row in sheet.iter_rows())
            yield from _sheet(name, number, rows)
    except calamine.PasswordError as error:
        raise ParsingFailure(Cause.ENCRYPTED) from error
    except (calamine.CalamineError, ValueError, OSError, EOFError) as error:
        raise ParsingFailure(Cause.BROKEN) from error


def _sheet(name: str, number: int, rows: Iterable[list[str]]) -> Iterator[Block]:
    """An empty sheet has no heading either."""
    headed = False
    for block in record_blocks(rows):
        if not headed:
            yield Block(name.strip() or f"Planilha {number}", level=1)
            headed = True
        yield block


def _shown(value: str | float | date | time | timedelta) -> str:
    """As a Brazilian spreadsheet shows it: 05/03/2026, 1234,5."""
    match value:
        case bool():
            return "sim" if value else "não"
        case float():
            number = f"{value:.15g}"
            return number.removesuffix(".0") if "e" in number else number.replace(".", ",")
        case datetime():
            midnight = value.time() == time()
            return value.strftime("%d/%m/%Y" if midnight else "%d/%m/%Y %H:%M")
        case date():
            return value.strftime("%d/%m/%Y")
        case time():
            return value.strftime("%H:%M")
        case _:
            return str(value)
