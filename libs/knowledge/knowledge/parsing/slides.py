"""PPTX: slides in the order they are shown, a page each: title, text, tables, speaker notes."""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from typing import Any, Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import open_container, read_xml, refuse_encrypted
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.tables import table_blocks

_P: Final = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MAIN: Final = "ppt/presentation.xml"
_TITLES: Final = ("title", "ctrTitle")
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
"""The same again, for readers older than 2010."""
_UNSAID: Final = ("sldNum", "dt", "ftr", "hdr", "sldImg")
"""Placeholders that stand on every slide."""


def extract_pptx(raw: bytes, limits: Limits) -> Extraction:
    """The slides' blocks. Layouts and masters, which repeat themselves, are not read."""
    archive = open_container(raw, limits)
    refuse_encrypted(archive)
    return Extraction(_blocks(archive, limits))


def _blocks(archive: zipfile.ZipFile, limits: Limits) -> Iterator[Block]:
    slides = _slides(archive)
    if len(slides) > limits.max_pages:
        raise ParsingFailure(Cause.TOO_LONG)
    for number, name in enumerate(slides, start=1):
        found = False
        for block in _slide(archive, name, number):
            found = True
            yield block
        if not found:
            yield Block("", page=number)


def _slides(archive: zipfile.ZipFile) -> list[str]:
    """The parts of the slides; those the presentation names twice or not at all are left out."""
    parts = {key: target for key, (_, target) in _relations(archive, _MAIN).items()}
    named = (
        parts.get(slide.get(f"{_R}id")) for slide in read_xml(archive, _MAIN).iter(f"{_P}sldId")
    )
    present = set(archive.namelist())
    return list(dict.fromkeys(name for name in named if name in present))


def _relations(archive: zipfile.ZipFile, part: str) -> dict[str, tuple[str, str]]:
    """Relationship id → its type and the part it leads to; links to the outside are left out."""
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels"
    if path not in archive.namelist():
        return {}
    return {
        relation.get("Id", ""): (
            relation.get("Type", ""),
            posixpath.normpath(posixpath.join(folder, relation.get("Target", ""))).lstrip("/"),
        )
        for relation in read_xml(archive, path)
        if isinstance(relation.tag, str) and relation.get("TargetMode") != "External"
    }


def _slide(archive: zipfile.ZipFile, name: str, number: int) -> Iterator[Block]:
    tree = read_xml(archive, name)
    shapes = tree.iter(f"{_P}sp", f"{_P}graphicFrame")
    bodies = [shape for shape in shapes if next(shape.iterancestors(_FALLBACK), None) is None]
    for shape in sorted(bodies, key=lambda shape: not _is_title(shape)):
        yield from _shape(shape, number)
    for kind, target in _relations(archive, name).values():
        if kind.endswith("/notesSlide") and target in archive.namelist():
            yield from _notes(read_xml(archive, target), number)


def _placeholder(shape: Any) -> str | None:
    place = shape.find(f".//{_P}nvPr/{_P}ph")
    return None if place is None else place.get("type", "body")


def _is_title(shape: Any) -> bool:
    return _placeholder(shape) in _TITLES


def _shape(shape: Any, number: int) -> Iterator[Block]:
    if _placeholder(shape) in _UNSAID:
        return
    if _is_title(shape):
        title = " ".join(" ".join(_paragraphs(shape)).split())
        if title:
            yield Block(title, level=1, page=number)
        return
    table = shape.find(f".//{_A}tbl")
    if table is not None:
        rows = [
            [" ".join(_paragraphs(cell)) for cell in row.iter(f"{_A}tc")]
            for row in table.iter(f"{_A}tr")
        ]
        for block in table_blocks(rows):
            yield Block(block.text, tight=block.tight, page=number)
        return
    for at, text in enumerate(_paragraphs(shape)):
        yield Block(text, tight=at > 0, page=number)


def _notes(tree: Any, number: int) -> Iterator[Block]:
    for shape in tree.iter(f"{_P}sp"):
        if _placeholder(shape) == "body":
            text = "\n".join(_paragraphs(shape))
            if text:
                yield Block(f"Notas: {text}", page=number)


def _paragraphs(element: Any) -> list[str]:
    """Each paragraph that says something; sub-items after a dash."""
    found = []
    for paragraph in element.iter(f"{_A}p"):
        text = "".join(
            (node.text or "") if node.tag == f"{_A}t" else "\n"
            for node in paragraph.iter(f"{_A}t", f"{_A}br")
        )
        if text.strip():
            level = paragraph.find(f"{_A}pPr")
            nested = level is not None and re.fullmatch("[1-8]", level.get("lvl", "0"))
            found.append(f"- {text.strip()}" if nested else text.strip())
    return found
