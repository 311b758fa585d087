"""Pages: PDF in one column, two columns, with bookmarks, and scanned; pictures of text."""

import io
from typing import Any, Final

import pypdfium2 as pdfium
from PIL import Image
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
)  # fmt: skip

from bench.known_text import KnownText, Part

_MARGIN: Final = 56
_GAP: Final = 24


class _Template(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """Headings become bookmarks."""

    def afterFlowable(self, flowable: Any) -> None:  # noqa: N802 - reportlab's name
        level = getattr(flowable, "bookmark_level", None)
        if level is not None:
            key = f"h{self.page}-{id(flowable)}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(flowable.getPlainText(), key, level=level)


def write_pdf(known: KnownText, *, columns: int = 1, bookmarks: bool = False) -> bytes:
    """Set by reportlab; two columns as in a journal."""
    raw = io.BytesIO()
    width = (A4[0] - 2 * _MARGIN - (columns - 1) * _GAP) / columns
    frames = [
        Frame(_MARGIN + number * (width + _GAP), _MARGIN, width, A4[1] - 2 * _MARGIN)
        for number in range(columns)
    ]
    template = _Template(raw, pagesize=A4, title=known.title)
    template.addPageTemplates(PageTemplate(frames=frames))
    template.build(_flow(known, width, bookmarks=bookmarks))
    return raw.getvalue()


def _flow(known: KnownText, width: float, *, bookmarks: bool) -> list[Any]:
    styles = getSampleStyleSheet()
    flow: list[Any] = []
    for part in known.parts:
        if part.page_break:
            flow.append(PageBreak())
        elif part.rows:
            flow += [_table(part, width, styles["BodyText"]), Spacer(1, 8)]
        elif part.level > 0:
            heading = Paragraph(part.text, styles[f"Heading{part.level}"])
            heading.bookmark_level = part.level - 1 if bookmarks else None
            flow.append(heading)
        else:
            text = f"• {part.text}" if part.level < 0 else part.text
            flow.append(Paragraph(text, styles["BodyText"]))
    return flow


def _table(part: Part, width: float, style: Any) -> Table:
    shares = (0.19, 0.36, 0.18, 0.27)
    cells = [[Paragraph(cell, style) for cell in row] for row in part.rows]
    grid = [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    return Table(cells, colWidths=[width * share for share in shares], style=grid)


def photographed(pdf: bytes, *, dots_per_inch: int = 200) -> list[Image.Image]:
    """Each page as a picture."""
    document = pdfium.PdfDocument(pdf)
    return [page.render(scale=dots_per_inch / 72).to_pil().convert("L") for page in document]


def write_scan(known: KnownText) -> bytes:
    """A PDF whose pages are pictures."""
    raw = io.BytesIO()
    canvas = Canvas(raw, pagesize=A4)
    for picture in photographed(write_pdf(known)):
        canvas.drawImage(ImageReader(picture), 0, 0, *A4)
        canvas.showPage()
    canvas.save()
    return raw.getvalue()


def write_picture(known: KnownText, form: str) -> bytes:
    """The first page in PNG, JPEG, TIFF or WebP; TIFF has all pages."""
    pages = photographed(write_pdf(known))
    raw = io.BytesIO()
    if form == "TIFF":
        pages[0].save(raw, form, save_all=True, append_images=pages[1:], dpi=(200, 200))
    else:
        pages[0].save(raw, form, dpi=(200, 200), **({"lossless": True} if form == "WEBP" else {}))
    return raw.getvalue()
