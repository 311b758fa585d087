"""What was filled into a PDF's form, and signatures that are seen, as part of their page."""

from typing import Final

import pypdfium2 as pdfium
from pypdfium2 import raw as pdfium_c

_MOST: Final = 2_000
"""Annotations of a page; with more, it is no form that somebody has filled in."""


def filled_page(document: pdfium.PdfDocument, index: int) -> pdfium.PdfPage:
    """The page with the values of its fields. Raises PdfiumError."""
    page = document[index]
    if not _has_fields(page):
        return page
    pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
    page.close()
    return document[index]  # what was drawn into it is seen by who loads it again


def _has_fields(page: pdfium.PdfPage) -> bool:
    count = pdfium_c.FPDFPage_GetAnnotCount(page)
    if not 0 < count <= _MOST:
        return False
    return any(_subtype(page, number) == pdfium_c.FPDF_ANNOT_WIDGET for number in range(count))


def _subtype(page: pdfium.PdfPage, number: int) -> int:
    annotation = pdfium_c.FPDFPage_GetAnnot(page, number)
    if not annotation:
        return int(pdfium_c.FPDF_ANNOT_UNKNOWN)
    try:
        return int(pdfium_c.FPDFAnnot_GetSubtype(annotation))
    finally:
        pdfium_c.FPDFPage_CloseAnnot(annotation)
