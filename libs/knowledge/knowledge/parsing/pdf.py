"""PDF through PDFium: the text of each page, lines joined to paragraphs, bookmarks as headings."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Block, Extraction, Limits

_HYPHEN_AT_LINE_END: Final = re.compile(r"[\x02\ufffe\u00ad]\r?\n?")
_SENTENCE_END: Final = (".", "!", "?", ":", ";")
_ITEM: Final = re.compile(r"(?:[A-Za-z0-9]{1,4}[.)]|[-–—•·*▪◦])\s")
# A line this share as long as the page's longest ended because the column did.
_FULL_LINE: Final = 0.8
_HALF_LINE: Final = 0.5  # when the next one begins in lower case
_PAGES_LOOKED_AT_FOR_IMAGES: Final = 3

Outline = dict[int, list[tuple[int, str]]]
"""Page index → its bookmarks as (level, title)."""


def extract_pdf(raw: bytes, limits: Limits) -> Extraction:
    """One block per page, more where a bookmark names a line. A scan without text needs OCR."""
    document = open_pdf(raw)
    if len(document) > limits.max_pages:
        raise ParsingFailure(Cause.TOO_LONG)
    if len(document) == 0:
        raise ParsingFailure(Cause.BROKEN)
    return Extraction(_blocks(document), document.get_metadata_value("Title") or None)


def open_pdf(raw: bytes) -> pdfium.PdfDocument:
    """The document. Raises ParsingFailure."""
    try:
        return pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        encrypted = error.err_code == pdfium_c.FPDF_ERR_PASSWORD
        raise ParsingFailure(Cause.ENCRYPTED if encrypted else Cause.BROKEN) from error


def _blocks(document: pdfium.PdfDocument) -> Iterator[Block]:
    outline = _outline(document)
    readable = seen = False
    for index in range(len(document)):
        text = _page_text(document, index)
        readable = readable or text is not None
        seen = seen or bool(text and text.strip())
        yield from _page_blocks(_reflow(text or ""), index + 1, outline.get(index, []))
    if not readable:
        raise ParsingFailure(Cause.BROKEN)
    if not seen:
        raise ParsingFailure(Cause.NEEDS_OCR if _has_images(document) else Cause.EMPTY)


def _page_text(document: pdfium.PdfDocument, index: int) -> str | None:
    """The page's text in reading order; None for a page that cannot be read."""
    try:
        page = document[index]
        try:
            text_page = page.get_textpage()
            try:
                return str(text_page.get_text_bounded())
            finally:
                text_page.close()
        finally:
            page.close()
    except pdfium.PdfiumError:
        return None


def _reflow(text: str) -> str:
    """Undoes line breaks that are only the column's width, so that a sentence is one line."""
    lines = _HYPHEN_AT_LINE_END.sub("", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    widest = max(map(len, lines))
    joined: list[str] = []
    before = ""
    for line in (line.strip() for line in lines):
        if before and line and _continues(before, line, widest):
            joined[-1] += " " + line
        else:
            joined.append(line)
        before = line
    return "\n".join(joined)


def _continues(before: str, line: str, widest: int) -> bool:
    """Whether a line goes on with the sentence before it. Short lines are rows and titles."""
    if before.endswith(_SENTENCE_END) or _ITEM.match(line):
        return False
    return len(before) >= widest * (_HALF_LINE if line[0].islower() else _FULL_LINE)


def _outline(document: pdfium.PdfDocument) -> Outline:
    outline: Outline = defaultdict(list)
    for bookmark in document.get_toc(max_depth=6):
        destination = bookmark.get_dest()
        page = destination.get_index() if destination is not None else None
        title = " ".join(bookmark.get_title().split())
        if page is not None and title:
            outline[page].append((bookmark.level + 1, title))
    return outline


def _page_blocks(text: str, page: int, bookmarks: list[tuple[int, str]]) -> Iterator[Block]:
    """The page, cut at the lines that are bookmarks; the first block begins a paragraph."""
    wanted = {title.casefold(): (level, title) for level, title in reversed(bookmarks)}
    body: list[str] = []
    tight = False
    for line in text.split("\n"):
        found = wanted.pop(" ".join(line.split()).casefold(), None)
        if found is None:
            body.append(line)
            continue
        if body:
            yield Block("\n".join(body), page=page, tight=tight)
            body, tight = [], True
        yield Block(line, level=found[0], heading=found[1], page=page, tight=tight)
        tight = True
    if body or not tight:
        yield Block("\n".join(body), page=page, tight=tight)


def _has_images(document: pdfium.PdfDocument) -> bool:
    pages = range(min(len(document), _PAGES_LOOKED_AT_FOR_IMAGES))
    return any(_page_has_images(document, index) for index in pages)


def _page_has_images(document: pdfium.PdfDocument, index: int) -> bool:
    try:
        page = document[index]
        try:
            return any(page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=3))
        finally:
            page.close()
    except pdfium.PdfiumError:
        return False
