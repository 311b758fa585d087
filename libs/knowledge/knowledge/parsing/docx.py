"""DOCX: paragraphs, headings by style and table rows in reading order, controls included."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, Final

from docx.opc.exceptions import PackageNotFoundError
from docx.opc.part import PartFactory
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.package import Package
from docx.parts.document import DocumentPart

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import open_container, refuse_encrypted
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.tables import table_blocks

_HEADING_NAME: Final = re.compile(r"(?:heading|título|titulo) ([1-6])", re.IGNORECASE)
# What zipfile and python-docx let through of damaged archives and missing parts.
_OF_DAMAGE: Final = (
    zlib.error, KeyError, ValueError, AttributeError, NotImplementedError, EOFError, OSError
)  # fmt: skip
_MAIN_PART: Final = "word/document.xml"
_MORE_KINDS: Final = (
    "ms-word.document.macroEnabled",
    "ms-word.template.macroEnabledTemplate",
    "openxmlformats-officedocument.wordprocessingml.template",
)

_P, _TBL, _TR, _TC = qn("w:p"), qn("w:tbl"), qn("w:tr"), qn("w:tc")
_TEXT, _TAB, _BREAKS = qn("w:t"), qn("w:tab"), (qn("w:br"), qn("w:cr"))
_HYPHEN = qn("w:noBreakHyphen")
_STYLE, _VALUE = qn("w:pStyle"), qn("w:val")
_PROPERTIES: Final = qn("w:pPr")
_LIST_NUMBER: Final = qn("w:numPr")
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The same again, for readers older than 2010."""
_ID: Final = qn("w:id")
_NOTES: Final = MappingProxyType(
    {"footnote": qn("w:footnoteReference"), "endnote": qn("w:endnoteReference")}
)
_SAID: Final = (_TEXT, _TAB, _HYPHEN, _P, *_BREAKS)
_SAID_ELSEWHERE: Final = frozenset({_FALLBACK, qn("w:moveFrom")})


def extract_docx(raw: bytes, limits: Limits) -> Extraction:
    """The body's blocks. Headers, footers and deleted revisions are not part of it."""
    with open_container(raw, limits) as archive:
        refuse_encrypted(archive)
        if _MAIN_PART not in archive.namelist():
            raise ParsingFailure(Cause.UNSUPPORTED_TYPE)
    try:
        document = _document(raw)
        levels = _heading_levels(document)
        title = document.core_properties.title
        blocks = _blocks(document.element.body, levels, _notes(document.part))
        return Extraction(blocks, title or None)
    # SyntaxError is what lxml's XMLSyntaxError derives from.
    except (PackageNotFoundError, zipfile.BadZipFile, SyntaxError) as error:
        # When memory is refused, libxml2 has none left to say so either.
        out_of_memory = str(error).startswith(("Memory allocation failed", "unknown error"))
        raise ParsingFailure(Cause.TOO_COMPLEX if out_of_memory else Cause.BROKEN) from error
    except _OF_DAMAGE as error:
        raise ParsingFailure(Cause.BROKEN) from error


def _document(raw: bytes) -> Any:
    """`docx.Document` refuses templates and files with macros, which differ by name only."""
    for kind in _MORE_KINDS:
        PartFactory.part_type_for.setdefault(f"application/vnd.{kind}.main+xml", DocumentPart)
    part = Package.open(io.BytesIO(raw)).main_document_part
    if not isinstance(part, DocumentPart):
        raise ParsingFailure(Cause.BROKEN)
    return part.document


def _heading_levels(document: Any) -> dict[str, int]:
    """Style id → heading level. Word stores built-in names in English, whatever it displays."""
    levels: dict[str, int] = {}
    for style in document.styles.element.iter(qn("w:style")):
        name = style.find(qn("w:name"))
        match = _HEADING_NAME.fullmatch(name.get(_VALUE, "")) if name is not None else None
        outline = style.find(f".//{qn('w:outlineLvl')}")
        if match:
            levels[style.get(qn("w:styleId"))] = int(match[1])
        elif name is not None and name.get(_VALUE, "").lower() == "title":
            levels[style.get(qn("w:styleId"))] = 1
        elif outline is not None and outline.get(_VALUE, "9").isdigit():
            level = int(outline.get(_VALUE, "9")) + 1
            if level <= 6:
                levels[style.get(qn("w:styleId"))] = level
    return levels


def _notes(part: Any) -> dict[tuple[str, str], str]:
    """What stands below the page or at the end, by the tag and the id it is referred to with."""
    notes: dict[tuple[str, str], str] = {}
    for relation in part.rels.values():
        for kind, reference in _NOTES.items():
            if not relation.is_external and relation.reltype.endswith(f"/{kind}s"):
                for note in parse_xml(relation.target_part.blob).iter(qn(f"w:{kind}")):
                    notes[reference, note.get(_ID, "")] = _text_of(note).strip()
    return notes


def _blocks(
    body: Any, levels: dict[str, int], notes: dict[tuple[str, str], str]
) -> Iterator[Block]:
    """Walks down through anything that is no paragraph or table: content controls, revisions."""
    waiting = [iter(body)]
    while waiting:
        element = next(waiting[-1], None)
        if element is None:
            waiting.pop()
        elif element.tag in (_P, _TBL):
            yield from _paragraph(element, levels) if element.tag == _P else _table(element)
            for reference in element.iter(*_NOTES.values()):
                if text := notes.get((reference.tag, reference.get(_ID, ""))):
                    yield Block(text)
        elif element.tag not in _SAID_ELSEWHERE:
            waiting.append(iter(element))


def _paragraph(paragraph: Any, levels: dict[str, int]) -> Iterator[Block]:
    text = _text_of(paragraph)
    if not text.strip():
        return
    properties = paragraph.find(_PROPERTIES)
    style = properties.find(_STYLE) if properties is not None else None
    level = levels.get(style.get(_VALUE), 0) if style is not None else 0
    listed = not level and properties is not None and properties.find(_LIST_NUMBER) is not None
    yield Block(f"- {text}" if listed else text, level=level, tight=listed)


def _table(table: Any) -> Iterator[Block]:
    """A block per row. A nested table's text stays in its cell."""
    yield from table_blocks(
        [
            _text_of(cell)
            for cell in row.iterdescendants(_TC)
            if next(cell.iterancestors(_TR)) is row
        ]
        for row in table.iter(_TR)
        if next(row.iterancestors(_TBL)) is table
    )


def _text_of(element: Any) -> str:
    """All runs below the element, also in hyperlinks, fields and inserted revisions."""
    pieces: list[str] = []
    hidden: set[Any] = set()
    for node in element.iter(*_SAID, *_SAID_ELSEWHERE):
        if node.tag in _SAID_ELSEWHERE:
            hidden.update(node.iterdescendants(*_SAID))
        elif node in hidden:
            continue
        elif node.tag == _TEXT:
            pieces.append(node.text or "")
        elif node.tag == _HYPHEN:
            pieces.append("-")
        elif node.tag == _TAB:
            # Tab stops of the paragraph's properties bear the same name.
            pieces.append("\t" if node.getparent().tag != qn("w:tabs") else "")
        else:
            pieces.append("\n")
    return "".join(pieces).strip("\n")
