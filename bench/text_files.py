"""Web pages, e-books, mails and other text-like files written part by part."""

import csv
import io
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

from bench.known_text import KnownText, Part, Row
from bench.office_files import zipped

MENU = "Início Serviços Notícias Ouvidoria Transparência Contato"
COOKIES = "Este portal usa cookies. Ao continuar você concorda com a política de privacidade."


def write_html(known: KnownText, *, framed: bool = False) -> bytes:
    """A page; framed: with the menus, notices and footers of a portal around the content."""
    body = "".join(map(_html_part, known.parts))
    if framed:
        links = "".join(f'<li><a href="/{word}">{word}</a></li>' for word in MENU.split())
        menu = f'<div class="menu-principal"><ul>{links}</ul></div>'
        body = (
            f'{menu}<div class="cookie-banner" id="cookies">{COOKIES}</div><div class="content">{body}</div>'
            f'<div class="share"><a href="#">Compartilhe</a></div><div id="footer">{links}</div>'
        )
    head = f"<meta charset='utf-8'><title>{escape(known.title)}</title><script>var a = 'código';</script>"
    return (
        f"<!DOCTYPE html><html lang='pt-BR'><head>{head}</head><body>{body}</body></html>".encode()
    )


def _html_part(part: Part) -> str:
    if part.rows:
        head = "".join(f"<th>{escape(cell)}</th>" for cell in part.rows[0])
        rows = "".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
            for row in part.rows[1:]
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    if part.level > 0:
        return f"<h{part.level}>{escape(part.text)}</h{part.level}>"
    return (
        f"<ul><li>{escape(part.text)}</li></ul>"
        if part.level < 0
        else f"<p>{escape(part.text)}</p>"
    )


def write_markdown(known: KnownText) -> bytes:
    """CommonMark with pipe tables."""
    blocks: list[str] = []
    for part in known.parts:
        if part.rows:
            lines = [_pipes(row) for row in part.rows]
            blocks.append("\n".join([lines[0], _pipes(("---",) * len(part.rows[0])), *lines[1:]]))
        elif part.text:
            blocks.append(f"{'#' * part.level} {part.text}" if part.level > 0 else _plain(part))
    return ("\n\n".join(blocks) + "\n").encode()


def _pipes(row: Row) -> str:
    return f"| {' | '.join(row)} |"


def _plain(part: Part) -> str:
    return f"- {part.text}" if part.level < 0 else part.text


def write_text(known: KnownText, encoding: str = "utf-8") -> bytes:
    """Plain text; cells between tabs."""
    lines = ["\n".join("\t".join(row) for row in part.rows) or _plain(part) for part in known.parts]
    return "\r\n\r\n".join(lines).encode(encoding)


def write_rtf(known: KnownText) -> bytes:
    """As Word writes it: Windows-1252 escapes, headings by outline level, tables by cells."""
    body = "".join(map(_rtf_part, known.parts))
    head = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}{\info{\title " + _rtf(known.title)
    return f"{head}}}}}{body}}}".encode("ascii")


def _rtf(text: str) -> str:
    out = text.replace("\\", r"\\").replace("{", r"\{").replace("}", r"\}")
    return "".join(sign if sign.isascii() else rf"\'{sign.encode('cp1252')[0]:02x}" for sign in out)


def _rtf_part(part: Part) -> str:
    if part.rows:
        return "".join(
            r"\trowd" + "".join(rf"\cellx{2000 * (n + 1)}" for n in range(len(row)))
            + "".join(rf"\pard\intbl {_rtf(cell)}\cell" for cell in row) + "\\row\n"
            for row in part.rows
        )  # fmt: skip
    if part.page_break:
        return "\\page\n"
    level = rf"\outlinelevel{part.level - 1}" if part.level > 0 else ""
    bullet = r"\bullet\tab " if part.level < 0 else ""
    return rf"\pard{level} {bullet}{_rtf(part.text)}\par" + "\n"


def write_epub(known: KnownText) -> bytes:
    """A chapter per section, in the order of the spine."""
    chapters: list[list[Part]] = []
    for part in known.parts:
        if part.level > 0 or not chapters:
            chapters.append([])
        chapters[-1].append(part)
    numbers = range(1, len(chapters) + 1)
    items = "".join(
        f'<item id="c{n}" href="text/c{n}.xhtml" media-type="application/xhtml+xml"/>'
        for n in numbers
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    members: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<?xml version="1.0"?><container version="1.0" '
        'xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile '
        'full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OPS/book.opf": '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">'
        f'<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(known.title)}</dc:title>'
        f"<dc:language>pt-BR</dc:language></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>",
    }
    for number, parts in zip(numbers, chapters, strict=True):
        body = "".join(map(_html_part, parts))
        members[f"OPS/text/c{number}.xhtml"] = (
            '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml">'
            f"<head><title>c{number}</title></head><body>{body}</body></html>"
        )
    return zipped(members, stored=("mimetype",))


def write_csv(rows: tuple[Row, ...], *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """As a spreadsheet program saves it."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def write_eml(
    subject: str, body: str, *, html: str | None = None, attachments: dict[str, bytes] | None = None
) -> bytes:
    """A mail as a server keeps it."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = (
        subject,
        "ana@aurora.example",
        "equipe@aurora.example",
    )
    mail["Date"] = "Fri, 20 Nov 2026 10:00:00 -0300"
    mail.set_content(body)
    if html is not None:
        mail.add_alternative(html, subtype="html")
    for name, content in (attachments or {}).items():
        mail.add_attachment(content, "application", "octet-stream", filename=name)
    return mail.as_bytes()
