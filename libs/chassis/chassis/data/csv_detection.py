"""Telling how a CSV file is written from the file itself: its encoding and its separator."""

import codecs
import re
from collections.abc import Iterable
from typing import Final

from chassis.data.csv_reading import CsvFormat, CsvRecord, CsvRecords, CsvUnreadable

HEAD_BYTES: Final = 65_536
"""How much of a file's beginning `detect` wants to see."""

DELIMITERS: Final = (";", ",", "\t", "|")
_SAMPLE_RECORDS: Final = 50
_MOST_CONTROLS: Final = 0.005
_FEW_CONTROLS: Final = 3
_UTF8_BOM: Final = codecs.BOM_UTF8
_UTF16_BOMS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_IN_CP1252: Final = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# Workbooks (zip, OLE), PDF, gzip, PNG, JPEG: what people choose by mistake.
_OTHER_FILES: Final = (
    b"PK\x03\x04",
    b"\xd0\xcf\x11\xe0",
    b"%PDF-",
    b"\x1f\x8b",
    b"\x89PNG",
    b"\xff\xd8\xff",
)


class NotCsv(Exception):
    """The bytes are no text of rows and columns: a workbook, an image, anything."""


class CsvProbe:
    """Looks at every byte of a file on its way: one accent far below decides the encoding."""

    def __init__(self) -> None:
        self.head = b""
        self.size_bytes = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8 = True
        self._is_cp1252 = True

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self.size_bytes += len(data)
        if len(self.head) < HEAD_BYTES:
            self.head += data[: HEAD_BYTES - len(self.head)]
        self._is_cp1252 = self._is_cp1252 and not _NOT_IN_CP1252.search(data)
        self._decode(data)

    def detect(self) -> CsvFormat:
        """After the last byte. Raises NotCsv."""
        self._decode(b"", final=True)
        if self.head.startswith(_OTHER_FILES):
            raise NotCsv
        encoding = self._encoding()
        text = self.head.decode(encoding, "replace").removeprefix("\ufeff")
        controls = len(_CONTROL.findall(text))
        if not text.strip() or controls > max(_FEW_CONTROLS, _MOST_CONTROLS * len(text)):
            raise NotCsv
        return CsvFormat(encoding, _delimiter(self.head, encoding))

    def _decode(self, data: bytes, *, final: bool = False) -> None:
        if self._is_utf8:
            try:
                self._utf8.decode(data, final)
            except UnicodeDecodeError:
                self._is_utf8 = False

    def _encoding(self) -> str:
        for bom, name in _UTF16_BOMS.items():
            if self.head.startswith(bom):
                return name
        if self.head.startswith(_UTF8_BOM):
            return "utf-8"
        zeros = self.head[0::2].count(0), self.head[1::2].count(0)
        # Latin letters in UTF-16: every other byte is zero.
        if max(zeros) > len(self.head) * 0.2 and min(zeros) < max(zeros) * 0.1:
            return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"
        if self._is_utf8:
            return "utf-8"
        return "cp1252" if self._is_cp1252 else "iso-8859-1"


def first_records(head: bytes, form: CsvFormat, count: int) -> list[CsvRecord]:
    """Up to `count` records from a file's beginning. Cut off inside a record, that one is left
    out, unless it is the only one."""
    records = CsvRecords(form)
    found = _at_most(records.feed(head), count)
    if len(found) < count and (len(head) < HEAD_BYTES or not found):
        found += _at_most(records.finish(), count - len(found))
    return found


def _at_most(records: Iterable[CsvRecord], count: int) -> list[CsvRecord]:
    found: list[CsvRecord] = []
    try:
        for record in records:
            if len(found) == count:
                break
            found.append(record)
    except CsvUnreadable:
        raise NotCsv from None
    return found


def _delimiter(head: bytes, encoding: str) -> str:
    """The one that makes the most rows as wide as the header; of equals, the widest."""
    best, best_score = DELIMITERS[0], (0.0, 1)
    for delimiter in DELIMITERS:
        try:
            records = first_records(head, CsvFormat(encoding, delimiter), _SAMPLE_RECORDS)
        except NotCsv:
            continue
        widths = [len(record.cells) for record in records]
        if widths and widths[0] > 1:
            score = (widths.count(widths[0]) / len(widths), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
    return best
