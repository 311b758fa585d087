"""Which pages of a PDF are pictures, also below a stamp: a scan that was signed or numbered later
bears a line or two of text, and says everything else in its picture."""

from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

_DEEPEST: Final = 3
"""Forms within forms that are looked into."""
_LONGEST_STAMP: Final = 400
"""Letters and digits: signatures name the law they rest on, and where they are checked."""
_MOST_OF_PAGE: Final = 0.5


def is_picture(document: pdfium.PdfDocument, index: int, text: str) -> bool:
    """Whether what the page says is in a picture, and at most a stamp is in `text`."""
    said = letters(text)
    if said > _LONGEST_STAMP:
        return False
    try:
        page = document[index]
        try:
            if not said:
                return any(
                    page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=_DEEPEST)
                )
            return _covered(page) >= _MOST_OF_PAGE and not _was_recognised(page)
        finally:
            page.close()
    except pdfium.PdfiumError:
        return False


def letters(text: str) -> int:
    """How many letters and digits it has."""
    return sum(map(str.isalnum, text))


def _covered(page: pdfium.PdfPage) -> float:
    """The share of the page under pictures; scanners cut a page into strips."""
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        return 0.0
    area = 0.0
    for picture in page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=_DEEPEST):
        left, bottom, right, top = picture.get_bounds()
        area += max(0.0, right - left) * max(0.0, top - bottom)
    return float(area / (width * height))


def _was_recognised(page: pdfium.PdfPage) -> bool:
    """Scanners that read put what they have read behind the picture, invisibly."""
    texts = page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_TEXT], max_depth=_DEEPEST)
    unseen = pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE
    return any(pdfium_c.FPDFTextObj_GetTextRenderMode(text) == unseen for text in texts)
