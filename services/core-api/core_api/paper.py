"""Documents for people: A4 pages in PDF, set from headings, paragraphs, tables and fields.

Text may be anybody's: it is set as it stands and never read as markup. The typeface (Bitstream
Vera, it comes with reportlab) is embedded and has every Portuguese letter; a character it lacks
becomes a question mark. A long document takes seconds to set: call `bytes()` in a thread.
"""

import io
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import (
    CondPageBreak,
    LongTable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    TableStyle,
)

_REGULAR: Final = "CogepRegular"
_BOLD: Final = "CogepBold"
_MARGIN: Final = 20 * mm
_PADDING: Final = 6  # what the frame keeps free within the margins
_WIDTH: Final = A4[0] - 2 * _MARGIN - 2 * _PADDING
_INK: Final = colors.HexColor("#1f2933")
_MUTED: Final = colors.HexColor("#52606d")
_LINE: Final = colors.HexColor("#cbd2d9")
_SHADE: Final = colors.HexColor("#f0f4f8")
_LABEL_SHARE: Final = 0.3
# A value longer than this is set as flowing text under its name: a cell over pages reads badly.
_LONG: Final = 1_500
_UNKNOWN: Final = "?"


class Paper:
    """One document. Add to it from top to bottom, then take its `bytes()` once."""

    def __init__(self, title: str, *, author: str, footer: str = "") -> None:
        """`author` is the organization that signs it; `footer` stands on every page."""
        _register_fonts()
        self._title, self._author, self._footer = title, author, _known(footer)
        self._flow: list[Any] = [
            Paragraph(_marked(author), _style("author", 9, color=_MUTED, after=2)),
            Paragraph(_marked(title), _style("title", 18, bold=True, after=10)),
        ]

    def heading(self, text: str, level: int = 1) -> None:
        """A heading of level 1 to 3. It never stands alone at the foot of a page."""
        size = {1: 14, 2: 11.5, 3: 10}[level]
        self._flow.append(CondPageBreak(30 * mm if level == 1 else 20 * mm))
        before = 12 if level == 1 else 8
        style = _style(f"heading{level}", size, bold=True, before=before, after=4)
        self._flow.append(Paragraph(_marked(text), style))

    def paragraph(self, text: str) -> None:
        """Flowing text. Line breaks stay."""
        self._flow.append(Paragraph(_marked(text), _body()))

    def bullets(self, items: Iterable[str]) -> None:
        """A list, one item under the other."""
        style = _style("bullet", 9.5, after=3, indent=10)
        self._flow.extend(Paragraph(_marked(item), style, bulletText="•") for item in items)

    def fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Names with their values side by side; a long value stands below its name."""
        label, value = _style("label", 8.5, color=_MUTED), _style("value", 9)
        widths = [_WIDTH * _LABEL_SHARE, _WIDTH * (1 - _LABEL_SHARE)]
        ruled = [("LINEBELOW", (0, 0), (-1, -1), 0.25, _LINE)]
        rows: list[list[Any]] = []
        for name, text in pairs:
            if len(text) <= _LONG:
                rows.append([Paragraph(_marked(name), label), Paragraph(_marked(text), value)])
                continue
            self._add_table(rows, widths, ruled, header=False)
            rows = []
            self._flow += [Paragraph(_marked(name), label), Paragraph(_marked(text), _body())]
        self._add_table(rows, widths, ruled, header=False)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        shares: Sequence[float] | None = None,
    ) -> None:
        """Rows under a header that is repeated on every page. `shares` are the columns' parts of
        the width, in any unit; equal when not given."""
        parts = list(shares or [1.0] * len(columns))
        if len(parts) != len(columns):
            raise ValueError("a share for every column")
        head, cell = _style("head", 8, bold=True), _style("cell", 8)
        cells = [[Paragraph(_marked(name), head) for name in columns]]
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"{len(row)} cells for {len(columns)} columns")
            cells.append([Paragraph(_marked(text), cell) for text in row])
        widths = [_WIDTH * part / sum(parts) for part in parts]
        ruled = [
            ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.25, _LINE),
        ]
        self._add_table(cells, widths, ruled, header=True)

    def bytes(self) -> bytes:
        """The PDF."""
        target = io.BytesIO()
        document = SimpleDocTemplate(
            target,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=18 * mm,
            bottomMargin=20 * mm,
            title=self._title,
            author=self._author,
            lang="pt-BR",
        )
        document.build(self._flow, onFirstPage=self._foot, onLaterPages=self._foot)
        return target.getvalue()

    def _foot(self, canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont(_REGULAR, 7)
        canvas.setFillColor(_MUTED)
        canvas.drawString(_MARGIN + _PADDING, 12 * mm, self._footer[:130])
        canvas.drawRightString(_MARGIN + _PADDING + _WIDTH, 12 * mm, f"Página {document.page}")
        canvas.restoreState()

    def _add_table(
        self, rows: list[list[Any]], widths: list[float], style: list[Any], *, header: bool
    ) -> None:
        if not rows:
            return
        table = LongTable(rows, colWidths=widths, repeatRows=int(header), splitInRow=1)
        table.setStyle(
            TableStyle(
                [
                    *style,
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0 if not header else 4),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                    ("TOPPADDING", (0, 0), (-1, -1), 3),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
                ]
            )
        )
        self._flow += [table, Spacer(0, 6)]


@cache
def _register_fonts() -> frozenset[int]:
    """Registers the typeface once per process. The characters it has."""
    folder = Path(reportlab.__file__).parent / "fonts"
    regular = TTFont(_REGULAR, str(folder / "Vera.ttf"))
    pdfmetrics.registerFont(regular)
    pdfmetrics.registerFont(TTFont(_BOLD, str(folder / "VeraBd.ttf")))
    return frozenset(regular.face.charToGlyph)


def _style(
    name: str,
    size: float,
    *,
    bold: bool = False,
    color: Any = _INK,
    before: float = 0,
    after: float = 0,
    indent: float = 0,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName=_BOLD if bold else _REGULAR,
        fontSize=size,
        leading=size * 1.4,
        textColor=color,
        spaceBefore=before,
        spaceAfter=after,
        leftIndent=indent,
        bulletFontName=_REGULAR,
        splitLongWords=1,
    )


@cache
def _body() -> ParagraphStyle:
    return _style("body", 9.5, after=6)


def _known(text: str) -> str:
    """Without control characters; what the typeface cannot show is visibly missing."""
    known = _register_fonts()
    kept = (character for character in text if character in "\n\t" or character >= " ")
    return "".join(
        character if ord(character) in known or character in "\n\t" else _UNKNOWN
        for character in kept
    )


def _marked(text: str) -> str:
    """As reportlab's mark-up: nothing in it is mark-up but its line breaks."""
    return escape(_known(text).replace("\t", "    ")).replace("\n", "<br/>")
