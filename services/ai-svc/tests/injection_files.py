"""PDFs whose properties, or whose invisible words, want something."""

import io
from typing import Final

from reportlab.lib.colors import white
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

_INVISIBLE_MODE: Final = 3


def pdf_with(fact: str, *, metadata: str | None = None, invisible: str | None = None) -> bytes:
    """One page that says the fact."""
    raw = io.BytesIO()
    canvas = Canvas(raw, pagesize=A4)
    if metadata is not None:
        for tell in (
            canvas.setTitle,
            canvas.setAuthor,
            canvas.setSubject,
            canvas.setKeywords,
            canvas.setCreator,
            canvas.setProducer,
        ):
            tell(metadata)
    canvas.drawString(50, 800, fact)
    if invisible is not None:
        _hide(canvas, invisible)
    canvas.showPage()
    canvas.save()
    return raw.getvalue()


def _hide(canvas: Canvas, words: str) -> None:
    """In white, in no ink at all, too small to see, and beside the page."""
    canvas.setFillColor(white)
    canvas.drawString(50, 760, words)
    lines = canvas.beginText(50, 740)
    lines.setTextRenderMode(_INVISIBLE_MODE)
    lines.textLine(words)
    canvas.drawText(lines)
    canvas.setFont("Helvetica", 0.5)
    canvas.drawString(50, 720, words)
    canvas.setFont("Helvetica", 12)
    canvas.drawString(-900, 700, words)
