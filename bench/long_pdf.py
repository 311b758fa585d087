"""A PDF of many pages of text."""

import io
import textwrap

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from bench.texts import portuguese_text

PAGES = 500
_PAGE_BYTES = 2_600


def make() -> bytes:
    """About 400 words a page."""
    raw = io.BytesIO()
    canvas = Canvas(raw, pagesize=A4)
    for page in range(PAGES):
        lines = canvas.beginText(50, 800)
        lines.setFont("Helvetica", 10)
        for paragraph in portuguese_text(1_000_000 + page, _PAGE_BYTES).splitlines():
            lines.textLines(textwrap.wrap(paragraph, 95) or [""])
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return raw.getvalue()
