"""Lists as CSV files that people open in a spreadsheet: streamed, and with no formula in them."""

import csv
import io
import re
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse

Cell = str | int | float | Decimal | date | datetime | None
"""Numbers and dates are written as they are; only text can be taken for a formula."""

_BOM: Final = "\ufeff"  # without it Excel takes the file for Windows-1252
_CHUNK_CHARACTERS: Final = 32_768

# A cell is a formula when it begins so, and what stands after a separator or a quote begins a cell
# for a program that reads the file with another separator than ours (OWASP, CSV injection).
_DANGEROUS: Final = "'*[=+\\-@\t\r\n＝＋－＠]"
_BEGINNING: Final = '(?:^|(?<=[;,|\t\r\n"]))'
_TO_NEUTRALIZE: Final = re.compile(f"{_BEGINNING}(?={_DANGEROUS})")
_NEUTRALIZED: Final = re.compile(f"{_BEGINNING}'(?={_DANGEROUS})")

_DELIMITERS: Final = {"semicolon": ";", "comma": ",", "tab": "\t"}
Separator = Annotated[
    Literal["semicolon", "comma", "tab"],
    Query(description="Between cells; spreadsheets set to Portuguese expect the semicolon"),
]


def csv_stream(
    header: Sequence[str],
    rows: AsyncIterator[Sequence[Cell]],
    *,
    filename: str,
    separator: str = "semicolon",
) -> StreamingResponse:
    """Sends rows as they come.

    `rows` opens transactions of its own, one per batch: the request's ended before the first byte.
    """
    return StreamingResponse(
        _chunks(header, rows, _DELIMITERS[separator]),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="{filename}"',
            "cache-control": "no-store",
        },
    )


def csv_responses(description: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that answers with `csv_stream`."""
    content = {"text/csv": {"schema": {"type": "string"}}}
    return {200: {"description": description, "content": content}}


def neutralize(text: str) -> str:
    """An apostrophe before whatever a spreadsheet would calculate: `=1+1` → `'=1+1`."""
    return _TO_NEUTRALIZE.sub("'", text)


def restore(text: str) -> str:
    """What `neutralize` was given."""
    return _NEUTRALIZED.sub("", text)


async def _chunks(
    header: Sequence[str], rows: AsyncIterator[Sequence[Cell]], delimiter: str
) -> AsyncIterator[str]:
    buffer = io.StringIO(_BOM)
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(list(map(_cell, header)))
    async for row in rows:
        writer.writerow(list(map(_cell, row)))
        if buffer.tell() > _CHUNK_CHARACTERS:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return neutralize(value)
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else str(value)
