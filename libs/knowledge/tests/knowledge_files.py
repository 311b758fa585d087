"""Files made by code: well-formed ones of every format, and hostile ones."""

import io
import zipfile
from collections.abc import Callable

import docx
import pypdf
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

PARAGRAPH = (
    "O servidor tem direito a trinta dias de férias por ano, que podem ser acumuladas até o máximo "
    "de dois períodos, em caso de necessidade do serviço."
)
HTML = f"""<!doctype html><html><head><title>Manual</title></head><body><nav>Início</nav><main>
<h1>Manual do servidor</h1><h2>Férias</h2><p>{PARAGRAPH}</p>
<table><tr><th>Faixa</th><th>Alíquota</th></tr><tr><td>até 2.259,20</td><td>isento</td></tr></table>
</main></body></html>"""


def make_pdf(*pages: str, title: str | None = None, bookmarks: tuple[str, ...] = ()) -> bytes:
    """A PDF with the given pages; a line of a page per line of text. Bookmarks go page by page."""
    raw = io.BytesIO()
    canvas = Canvas(raw, pagesize=A4)
    if title is not None:
        canvas.setTitle(title)
    for number, text in enumerate(pages):
        if number < len(bookmarks):
            canvas.bookmarkPage(f"page{number}")
            canvas.addOutlineEntry(bookmarks[number], f"page{number}", level=0)
        lines = canvas.beginText(50, 800)
        lines.textLines(text)
        canvas.drawText(lines)
        canvas.showPage()
    canvas.save()
    return raw.getvalue()


def make_encrypted_pdf() -> bytes:
    """Opens with a password only."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(PARAGRAPH)))
    writer.encrypt("segredo", algorithm="RC4-128")
    raw = io.BytesIO()
    writer.write(raw)
    return raw.getvalue()


def make_scanned_pdf() -> bytes:
    """A page that is a picture."""
    raw = io.BytesIO()
    canvas = Canvas(raw, pagesize=A4)
    canvas.drawInlineImage(_picture(), 50, 500, 200, 200)
    canvas.showPage()
    canvas.save()
    return raw.getvalue()


def make_docx(*, heading: str = "Férias", paragraphs: tuple[str, ...] = (PARAGRAPH,)) -> bytes:
    """A Word file with a heading, paragraphs and a table of two rows."""
    document = docx.Document()
    document.add_heading(heading, level=1)
    for text in paragraphs:
        document.add_paragraph(text)
    table = document.add_table(rows=2, cols=2)
    for row, cells in enumerate((("Faixa", "Alíquota"), ("até R$ 2.259,20", "isento"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    raw = io.BytesIO()
    document.save(raw)
    return raw.getvalue()


def with_body(raw: bytes, body: bytes) -> bytes:
    """A Word file with XML of ours at the beginning of its body."""
    return _replaced(raw, lambda xml: xml.replace(b"<w:body>", b"<w:body>" + body, 1))


def make_docx_bomb(megabytes: int) -> bytes:
    """A few kilobytes that unpack to many megabytes of one paragraph."""
    run = b"<w:p><w:r><w:t>" + b"a" * 1_000_000 + b"</w:t></w:r></w:p>"
    return with_body(make_docx(), run * megabytes)


def make_docx_of_empty_runs(count: int) -> bytes:
    """Small enough to unpack, too large as a tree."""
    return with_body(make_docx(), b"<w:p><w:r/></w:p>" * count)


def make_billion_laughs() -> bytes:
    """Entities that expand to a gigabyte, where a parser lets them."""
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    doctype = f'<!DOCTYPE w:document [<!ENTITY l0 "kkkkkkkkkk">{levels}]>'.encode()
    bomb = with_body(make_docx(), b"<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>")
    return _replaced(bomb, lambda xml: xml.replace(b"?>", b"?>" + doctype, 1))


def make_zip(**members: bytes) -> bytes:
    """An archive that is no document."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return raw.getvalue()


def _replaced(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(raw)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            target.writestr(name, change(content) if name == "word/document.xml" else content)
    return out.getvalue()


def _picture() -> Image.Image:
    return Image.new("RGB", (40, 40), "gray")
