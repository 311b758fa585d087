"""A page of a PDF as a picture, with a passage of its text boxed."""

import io
import unicodedata
from collections.abc import Iterator
from typing import Any, Final

import pypdfium2 as pdfium
from PIL import Image, ImageChops, ImageDraw

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.page_mark import Mark, NoSuchPage
from knowledge.parsing.pdf import open_pdf, scale_within
from knowledge.parsing.pdf_fields import filled_page

_DOTS_PER_INCH: Final = 144
_MAX_CHARACTERS: Final = 200_000
_INK: Final = (176, 90, 0)
_MARKER: Final = (255, 240, 150)
_PADDING: Final = 3
_TELLING: Final = 12
"""Letters a line needs to be looked for by itself."""

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in the page's own coordinates."""


def render_pdf_page(raw: bytes, page: int, mark: Mark | None, max_pixels: int) -> bytes:
    """A PNG of the 1-based page. Raises ParsingFailure and NoSuchPage.

    The passage is found by its letters and digits: line breaks, hyphens and marks that normalising
    changed make no difference. One that is nowhere on the page (a scan) is not boxed.
    """
    document = open_pdf(raw)
    if not 0 < page <= len(document):
        raise NoSuchPage
    try:
        return _drawn(filled_page(document, page - 1), mark, max_pixels)
    except pdfium.PdfiumError as error:
        raise ParsingFailure(Cause.BROKEN) from error


def _drawn(page: pdfium.PdfPage, mark: Mark | None, max_pixels: int) -> bytes:
    bitmap = page.render(scale=scale_within(page, max_pixels, _DOTS_PER_INCH), may_draw_forms=False)
    picture = bitmap.to_pil().convert("RGB")
    place = bitmap.get_posconv(page)
    for box in _lines(_marked_boxes(page, mark)) if mark else ():
        corners = place.to_bitmap(box[0], box[1]), place.to_bitmap(box[2], box[3])
        _box(picture, [point[0] for point in corners], [point[1] for point in corners])
    png = io.BytesIO()
    picture.save(png, "PNG", compress_level=6)
    return png.getvalue()


def _box(picture: Image.Image, xs: list[int], ys: list[int]) -> None:
    """As a marker pen does it: the letters stay black. Rotated pages turn the corners around."""
    left, right = max(min(xs) - _PADDING, 0), min(max(xs) + _PADDING, picture.width - 1)
    top, bottom = max(min(ys) - _PADDING, 0), min(max(ys) + _PADDING, picture.height - 1)
    if left >= right or top >= bottom:
        return
    area = (left, top, right, bottom)
    under = picture.crop(area)
    picture.paste(ImageChops.multiply(under, Image.new("RGB", under.size, _MARKER)), area)
    ImageDraw.Draw(picture).rectangle(area, outline=_INK, width=2)


def _marked_boxes(page: pdfium.PdfPage, mark: Mark) -> Iterator[Box]:
    """The boxes of the marked characters, in reading order."""
    text_page = page.get_textpage()
    letters, indexes = _letters_of(text_page)
    before = -1
    for first, last in _found(letters, mark):
        for index in indexes[first:last]:
            if index != before:
                yield text_page.get_charbox(index, loose=True)
            before = index


def _letters_of(text_page: pdfium.PdfTextPage) -> tuple[str, list[int]]:
    """The page's letters and digits, and of which character of PDFium each is a part."""
    letters: list[str] = []
    indexes: list[int] = []
    text = _characters(text_page)
    for index, character in enumerate(text):
        folded = _folded(character)
        letters.append(folded)
        indexes += [index] * len(folded)
    return "".join(letters), indexes


def _characters(text_page: Any) -> Iterator[str]:
    for index in range(min(text_page.count_chars(), _MAX_CHARACTERS)):
        code = pdfium.raw.FPDFText_GetUnicode(text_page, index)
        yield chr(code) if 0 < code < 0x110000 else " "


def _folded(text: str) -> str:
    """Letters and digits without accents, whatever they were composed of."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text))).lower()


def _found(letters: str, mark: Mark) -> Iterator[tuple[int, int]]:
    """Where the passage's letters are; where the page has them in another order, line by line."""
    text = mark.page_text
    expected = len(_folded(text[: mark.start]))
    whole = _nearest(letters, _folded(text[mark.start : mark.end]), expected)
    if whole:
        yield whole
        return
    for line in text[mark.start : mark.end].splitlines():
        folded = _folded(line)
        place = _nearest(letters, folded, expected) if len(folded) >= _TELLING else None
        if place:
            yield place
        expected += len(folded)


def _nearest(letters: str, wanted: str, expected: int) -> tuple[int, int] | None:
    """Of several places the one nearest to where the page's text has it."""
    if not wanted:
        return None
    after = letters.find(wanted, expected)
    before = letters.rfind(wanted, 0, expected + len(wanted))
    places = [place for place in (before, after) if place >= 0]
    if not places:
        return None
    nearest = min(places, key=lambda place: abs(place - expected))
    return nearest, nearest + len(wanted)


def _lines(boxes: Iterator[Box]) -> list[Box]:
    """Characters side by side become one box."""
    lines: list[Box] = []
    for left, bottom, right, top in boxes:
        if lines and _same_line(lines[-1], (left, bottom, right, top)):
            line = lines[-1]
            lines[-1] = (
                min(line[0], left), min(line[1], bottom), max(line[2], right), max(line[3], top)
            )  # fmt: skip
        else:
            lines.append((left, bottom, right, top))
    return lines


def _same_line(line: Box, box: Box) -> bool:
    """Half as high a common band as the lower of both, and no gap as wide as a column's."""
    height = min(line[3] - line[1], box[3] - box[1])
    common = min(line[3], box[3]) - max(line[1], box[1])
    gap = max(box[0] - line[2], line[0] - box[2])
    return common >= height / 2 and gap <= 4 * max(height, 1)
