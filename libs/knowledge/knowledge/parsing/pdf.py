"""PDF through PDFium: the text of each page, lines joined to paragraphs; bookmarks as headings, or
else lines in larger letters."""

import math
import re
from collections import defaultdict
from collections.abc import Container, Iterator
from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import CELL_SEPARATOR, Block, Extraction, Limits
from knowledge.parsing.pdf_fields import filled_page
from knowledge.parsing.pdf_headings import large_lines
from knowledge.parsing.pdf_scans import is_picture, letters
from knowledge.parsing.pdf_tables import text_with_tables
from knowledge.parsing.recognition import Recogniser

_HYPHEN_AT_LINE_END: Final = re.compile(r"[\x02\ufffe\u00ad]\r?\n?")
# "Estado-Membro", "8.112-90": of names and numbers, which are not hyphenated.
_HYPHEN_OF_ITS_OWN: Final = re.compile(
    r"(?<=[a-zß-öø-ÿ])[\x02\ufffe]\r?\n?(?=[A-ZÀ-ÖØ-Þ])|(?<=\d)[-\x02\ufffe]\r?\n(?=\d)"
)
_DOTS: Final = re.compile(r" ?\.(?: ?\.){4,} ?")
_LEADER: Final = " … "
"""Between an entry of a table of contents and its page."""
_SENTENCE_END: Final = (".", "!", "?", ":", ";")
_ITEM: Final = re.compile(r"(?:[A-Za-z0-9]{1,4}[.)]|[-–—•·*▪◦])\s")
# A line this share as long as the page's longest ended because the column did.
_FULL_LINE: Final = 0.8
_HALF_LINE: Final = 0.5  # when the next one begins in lower case
_NO_TITLES: Final = frozenset({"", "untitled", "(anonymous)", "sem título"})
_HEADING_LINES: Final = 4
MAX_SIDE: Final = 8_000
"""Pixels of a page's picture."""
_RECOGNITION_PIXELS: Final = 9_000_000
_POINTS_PER_INCH: Final = 72

Outline = dict[int, list[tuple[int, str]]]
"""Page index → its bookmarks as (level, title)."""


def extract_pdf(raw: bytes, limits: Limits, recogniser: Recogniser) -> Extraction:
    """One block per page, more where a line is a heading. Pages that are pictures are recognised
    where that is allowed."""
    document = open_pdf(raw)
    if len(document) > limits.max_pages:
        raise ParsingFailure(Cause.TOO_LONG)
    if len(document) == 0:
        raise ParsingFailure(Cause.BROKEN)
    return Extraction(_blocks(document, recogniser), _title(document))


def open_pdf(raw: bytes) -> pdfium.PdfDocument:
    """The document. Raises ParsingFailure."""
    try:
        return pdfium.PdfDocument(raw)
    except pdfium.PdfiumError as error:
        encrypted = error.err_code == pdfium_c.FPDF_ERR_PASSWORD
        raise ParsingFailure(Cause.ENCRYPTED if encrypted else Cause.BROKEN) from error


def _title(document: pdfium.PdfDocument) -> str | None:
    title: str = document.get_metadata_value("Title").strip()
    return None if title.casefold() in _NO_TITLES else title


def _blocks(document: pdfium.PdfDocument, recogniser: Recogniser) -> Iterator[Block]:
    headings = _outline(document) or large_lines(document)
    readable = seen = pictured = False
    for index in range(len(document)):
        text = _page_text(document, index)
        readable = readable or text is not None
        if text is not None and is_picture(document, index, text):
            pictured = True
            text = _recognised(document, index, recogniser, text)
        seen = seen or bool(text and text.strip())
        yield from _page_blocks(text or "", index + 1, headings.get(index, []))
    if not readable:
        raise ParsingFailure(Cause.BROKEN)
    if not seen:
        raise ParsingFailure(Cause.NEEDS_OCR if pictured and recogniser.unread else Cause.EMPTY)


def _recognised(
    document: pdfium.PdfDocument, index: int, recogniser: Recogniser, stamp: str
) -> str:
    """What a page that is a picture says; what is stamped on it, where nobody can read more."""
    if not recogniser.allowed:
        recogniser.unread += 1
        return stamp
    try:
        page = document[index]
        picture = page.render(scale=scale_within(page, _RECOGNITION_PIXELS, 200)).to_pil()
    except pdfium.PdfiumError:
        return stamp
    try:
        read = recogniser.read(picture) or ""
    except ParsingFailure:
        if not letters(stamp):
            raise
        recogniser.unread += 1  # no time is left: the other pages are worth having
        return stamp
    return read if letters(read) > letters(stamp) else stamp


def scale_within(page: pdfium.PdfPage, max_pixels: int, dots_per_inch: int) -> float:
    """For a picture of the page. Pages may be meters long or a hair wide; the picture is neither.

    Raises ParsingFailure for a page without a size.
    """
    width, height = page.get_size()
    if not (width > 0 and height > 0 and math.isfinite(width * height)):
        raise ParsingFailure(Cause.BROKEN)
    scale: float = min(
        dots_per_inch / _POINTS_PER_INCH,
        math.sqrt(max_pixels / (width * height)),
        MAX_SIDE / max(width, height),
    )
    return scale


def _page_text(document: pdfium.PdfDocument, index: int) -> str | None:
    """The page's text in reading order; None for a page that cannot be read."""
    try:
        page = filled_page(document, index)
        try:
            text_page = page.get_textpage()
            try:
                tables = text_with_tables(page, text_page)
                return str(text_page.get_text_bounded()) if tables is None else tables
            finally:
                text_page.close()
        finally:
            page.close()
    except pdfium.PdfiumError:
        return None


def _reflow(lines: list[str], widest: int) -> str:
    """Undoes line breaks that are only the column's width, so that a sentence is one line."""
    joined: list[str] = []
    before = ""
    for line in lines:
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
    if CELL_SEPARATOR in before or CELL_SEPARATOR in line or _LEADER in before:
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


def _page_blocks(text: str, page: int, headings: list[tuple[int, str]]) -> Iterator[Block]:
    """The page, cut at the lines that are headings; the first block begins a paragraph."""
    text = (
        _HYPHEN_AT_LINE_END.sub("", _HYPHEN_OF_ITS_OWN.sub("-", text))
        .replace("\r\n", "\n")
        .replace("\r", "\n")
    )
    lines = [_DOTS.sub(_LEADER, line).strip() for line in text.split("\n")]
    widest = max(map(len, lines))
    wanted = {_key(title): (level, title) for level, title in reversed(headings)}
    body: list[str] = []
    tight = False
    at = 0
    while at < len(lines):
        taken = _heading_lines(lines, at, wanted) if wanted else 0
        if not taken:
            body.append(lines[at])
            at += 1
            continue
        if body:
            yield Block(_reflow(body, widest), page=page, tight=tight)
            body, tight = [], True
        title = " ".join(lines[at : at + taken])
        level, name = wanted.pop(_key(title))
        yield Block(title, level=level, heading=name, page=page, tight=tight)
        tight = True
        at += taken
    if body or not tight:
        yield Block(_reflow(body, widest), page=page, tight=tight)


def _heading_lines(lines: list[str], at: int, wanted: Container[str]) -> int:
    """How many lines from here on are a heading together; 0 when none is."""
    for count in range(1, _HEADING_LINES + 1):
        if lines[at] and _key(" ".join(lines[at : at + count])) in wanted:
            return count
    return 0


def _key(title: str) -> str:
    return " ".join(title.split()).casefold()
