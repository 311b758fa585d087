"""The files of the extraction bench: every accepted format, in Portuguese, each word known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.compound_file import outlook_message
from bench.known_text import KnownText, Part, made_up
from bench.office_files import write_docx, write_odt, write_pptx, write_xlsx, zipped
from bench.print_files import write_pdf, write_picture, write_scan
from bench.text_files import (
    write_csv,
    write_eml,
    write_epub,
    write_html,
    write_markdown,
    write_rtf,
    write_text,
)
from knowledge.parsing.sniffing import Format


@dataclass(frozen=True, slots=True)
class Sample:
    """A file and what it says. `pages` where the format has any."""

    name: str
    form: Format
    raw: bytes
    known: KnownText
    paged: bool = False
    pictured: bool = False


def samples() -> list[Sample]:
    """The same ones in every run."""
    return [*_printed(), *_office(), *_textual(), *_mails(), *_sheets(), *_pictured()]


def _printed() -> Iterator[Sample]:
    for number, known, columns, bookmarks in (
        (1, made_up(1), 1, False),
        (2, made_up(2), 1, True),
        (3, made_up(3, tables=False, sections=6), 2, False),
        (4, made_up(4, sections=3), 2, True),
        (5, made_up(5, sections=8, page_breaks=True), 1, False),
        (6, made_up(6, sections=20, paragraphs=8), 1, False),
        (7, made_up(7, sections=2, paragraphs=1), 1, False),
    ):
        raw = write_pdf(known, columns=columns, bookmarks=bookmarks)
        yield Sample(f"pdf {number}, {columns} columns", Format.PDF, raw, known, paged=True)


def _office() -> Iterator[Sample]:
    for number in (1, 2, 3):
        known = made_up(10 + number, sections=2 * number)
        yield Sample(f"docx {number}", Format.DOCX, write_docx(known), known)
    for number in (1, 2):
        known = made_up(20 + number, sections=3 * number)
        yield Sample(f"pptx {number}", Format.PPTX, write_pptx(known), known, paged=True)
        yield Sample(f"odt {number}", Format.ODT, write_odt(known), known)
        yield Sample(f"rtf {number}", Format.RTF, write_rtf(known), known)
        yield Sample(f"epub {number}", Format.EPUB, write_epub(known), known)


def _textual() -> Iterator[Sample]:
    known = made_up(31)
    yield Sample("html", Format.HTML, write_html(known), known)
    yield Sample("html in a portal", Format.HTML, write_html(known, framed=True), known)
    yield Sample("markdown", Format.MARKDOWN, write_markdown(known), known)
    plain = replace(known, parts=tuple(replace(part, level=0) for part in known.parts))
    yield Sample("text", Format.TEXT, write_text(plain), plain)
    yield Sample("text of an old Windows", Format.TEXT, write_text(plain, "cp1252"), plain)


def _mails() -> Iterator[Sample]:
    known = made_up(41, sections=2, tables=False)
    body = "\n\n".join(part.text for part in known.parts)
    plain = KnownText(known.title, (Part(known.title, level=1), Part(body)))
    yield Sample("eml", Format.EML, write_eml(known.title, body), plain)
    attached = made_up(42, sections=1)
    both = KnownText(known.title, (*plain.parts, *attached.parts))
    mail = write_eml(known.title, body, attachments={"instrucao.docx": write_docx(attached)})
    yield Sample("eml with a docx", Format.EML, mail, both)
    message = outlook_message(known.title, body, attachments={"anexo.docx": write_docx(attached)})
    yield Sample("msg with a docx", Format.MSG, message, both)
    archive = zipped({"um/a.docx": write_docx(attached), "dois/b.md": write_markdown(known)})
    parts = (*attached.parts, *known.parts)
    yield Sample("zip of two", Format.ZIP, archive, KnownText("", parts))


def _sheets() -> Iterator[Sample]:
    rows = tuple(made_up(51, sections=8).rows[:6]) * 4
    known = KnownText("", (Part(rows=rows),))
    yield Sample("csv, commas", Format.CSV, write_csv(rows), known)
    old = write_csv(rows, delimiter=";", encoding="cp1252")
    yield Sample("csv of an old Windows", Format.CSV, old, known)
    sheets = {"Serviços": rows, "Prazos": rows[:6]}
    parts = [
        part
        for name, of in sheets.items()
        for part in (Part(name, level=1), Part(rows=of))
    ]  # fmt: skip
    yield Sample("xlsx, two sheets", Format.XLSX, write_xlsx(sheets), KnownText("", tuple(parts)))


def _pictured() -> Iterator[Sample]:
    known = made_up(61, sections=1, paragraphs=4, tables=False)
    scan = write_scan(known)
    yield Sample("pdf, scanned", Format.PDF, scan, known, paged=True, pictured=True)
    for form in (Format.PNG, Format.JPEG, Format.TIFF, Format.WEBP):
        name = form.name
        raw = write_picture(known, name)
        yield Sample(name.lower(), form, raw, known, pictured=True)
