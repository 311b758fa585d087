"""ODT: headings, paragraphs, lists and tables in reading order; notes behind their paragraph."""

import zipfile
from collections.abc import Iterator
from typing import Any, Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import open_container, read_xml, refuse_encrypted
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.tables import table_blocks

_NAMES: Final = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}%s"
_DC_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
_MAX_REPEATED: Final = 64
"""Of blanks and of cells; files claim billions."""


def _name(space: str, local: str) -> str:
    return _NAMES % (space, local)


_H, _P, _LIST = _name("text", "h"), _name("text", "p"), _name("text", "list")
_S, _TAB, _BREAK = _name("text", "s"), _name("text", "tab"), _name("text", "line-break")
_NOTE, _NOTE_BODY = _name("text", "note"), _name("text", "note-body")
_TABLE, _ROW = _name("table", "table"), _name("table", "table-row")
_CELL, _COVERED = _name("table", "table-cell"), _name("table", "covered-table-cell")
_REPEATED: Final = _name("table", "number-columns-repeated")
_TEXT_BOX: Final = _name("drawing", "text-box")
# Deleted text, comments, and what forms and scripts keep for themselves.
_UNSEEN: Final = frozenset({
    _name("text", "tracked-changes"), _name("office", "annotation"), _name("office", "forms"),
    _name("text", "sequence-decls"), _name("text", "note-citation"), _name("office", "scripts"),
})  # fmt: skip


def extract_odt(raw: bytes, limits: Limits) -> Extraction:
    """The body's blocks. Headers and footers, which are part of the styles, are not read."""
    archive = open_container(raw, limits)
    refuse_encrypted(archive)
    body = read_xml(archive, "content.xml").find(f".//{_name('office', 'text')}")
    if body is None:
        raise ParsingFailure(Cause.BROKEN)
    return Extraction(_blocks(body), _title(archive))


def _title(archive: zipfile.ZipFile) -> str | None:
    if "meta.xml" not in archive.namelist():
        return None
    title = read_xml(archive, "meta.xml").find(f".//{_DC_TITLE}")
    return title.text if title is not None else None


def _blocks(parent: Any) -> Iterator[Block]:
    """Walks down through sections and indexes; libxml2 has bounded how deep."""
    for element in parent:
        if element.tag == _H:
            yield from _heading(element)
        elif element.tag == _P:
            yield from _paragraph(element)
        elif element.tag == _LIST:
            yield from _items(element)
        elif element.tag == _TABLE:
            yield from table_blocks(_rows(element))
        elif isinstance(element.tag, str) and element.tag not in _UNSEEN:
            yield from _blocks(element)


def _heading(element: Any) -> Iterator[Block]:
    level = element.get(_name("text", "outline-level"), "1")
    title = " ".join(_text_of(element).split())
    if title:
        yield Block(title, level=min(max(int(level) if level.isdigit() else 1, 1), 6))
    yield from _beside(element)


def _paragraph(element: Any) -> Iterator[Block]:
    text = _text_of(element)
    if text.strip():
        yield Block(text)
    yield from _beside(element)


def _beside(element: Any) -> Iterator[Block]:
    """What is anchored in a paragraph and stands elsewhere on the page: notes and text boxes."""
    for inner in element.iterdescendants(_NOTE_BODY, _TEXT_BOX):
        if next(inner.iterancestors(_P, _H)) is element:
            yield from _blocks(inner)


def _items(element: Any, depth: int = 0) -> Iterator[Block]:
    tight = depth > 0
    for item in element:
        for inner in item:
            if inner.tag == _LIST:
                yield from _items(inner, depth + 1)
                continue
            text = _text_of(inner) if inner.tag in (_P, _H) else ""
            if text.strip():
                yield Block(f"- {text.strip()}", tight=tight)
                tight = True
            yield from _beside(inner) if inner.tag in (_P, _H) else _blocks(inner)


def _rows(table: Any) -> Iterator[list[str]]:
    """Rows of this table; those of a table within a cell stay in the cell."""
    for row in table.iterdescendants(_ROW):
        if next(row.iterancestors(_TABLE)) is table:
            yield [cell for element in row for cell in _cells(element)]


def _cells(element: Any) -> list[str]:
    if element.tag not in (_CELL, _COVERED):
        return []
    repeated = element.get(_REPEATED, "1")
    times = min(int(repeated), _MAX_REPEATED) if repeated.isdigit() else 1
    return [" ".join(_text_of(part) for part in element.iterdescendants(_P, _H))] * times


def _text_of(element: Any) -> str:
    """The text of all spans, with the blanks that ODF writes as elements."""
    pieces: list[str] = []
    _gather(element, pieces)
    return "".join(pieces)


def _gather(element: Any, pieces: list[str]) -> None:
    pieces.append(element.text or "")
    for inner in element:
        if inner.tag == _S:
            count = inner.get(_name("text", "c"), "1")
            pieces.append(" " * min(int(count) if count.isdigit() else 1, _MAX_REPEATED))
        elif inner.tag == _TAB:
            pieces.append("\t")
        elif inner.tag == _BREAK:
            pieces.append("\n")
        elif isinstance(inner.tag, str) and inner.tag not in _UNSEEN | {_NOTE, _TEXT_BOX}:
            _gather(inner, pieces)
        pieces.append(inner.tail or "")
