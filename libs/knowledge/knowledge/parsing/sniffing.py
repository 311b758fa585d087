"""What a file is, by its first bytes. Its name and its declared type are never believed."""

import re
from enum import StrEnum
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.records import csv_separator

HEAD_BYTES: Final = 8192
"""How much of a file `sniff` wants to see."""


class Format(StrEnum):
    """The formats there is a parser for. The values are media types."""

    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    ODT = "application/vnd.oasis.opendocument.text"
    RTF = "application/rtf"
    EPUB = "application/epub+zip"
    CSV = "text/csv"
    EML = "message/rfc822"
    MSG = "application/vnd.ms-outlook"
    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    WEBP = "image/webp"
    ZIP = "application/zip"


CONTAINERS: Final = frozenset(
    {Format.DOCX, Format.XLSX, Format.PPTX, Format.ODT, Format.EPUB, Format.ZIP}
)
"""ZIP archives: which of them a file is, its directory says, which is at its end."""
PICTURES: Final = frozenset({Format.PNG, Format.JPEG, Format.TIFF, Format.WEBP})


_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Formats that begin with printable bytes and would otherwise pass for text.
_NOT_TEXT: Final = (b"%!PS", b"GIF8", b"BM", b"MZ", b"\x7fELF", b"begin 6")
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"\xff\xd8\xff", Format.JPEG),
    (b"II*\x00", Format.TIFF),
    (b"MM\x00*", Format.TIFF),
)
# Names of the parts that come first in the archives the usual programs write.
_FIRST_PARTS: Final = (
    (b"word/", Format.DOCX),
    (b"ppt/", Format.PPTX),
    (b"xl/", Format.XLSX),
    (b"mimetypeapplication/epub+zip", Format.EPUB),
    (b"mimetypeapplication/vnd.oasis.opendocument.text", Format.ODT),
)
_OUTLOOK: Final = "__".encode("utf-16-le")
"""How the names of a message's streams begin."""
_FIRST_DIRECTORY_SECTOR: Final = 48
_PDF_OBJECT: Final = re.compile(rb"\d\s{1,4}\d{1,5}\s{1,4}obj\b")
_MAIL_HEADERS: Final = re.compile(
    rb"^(?:From|To|Subject|Date|Message-ID|MIME-Version|Received|Return-Path|Delivered-To|"
    rb"Reply-To|Cc|Content-Type|DKIM-Signature)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE: Final = re.compile(rb"[!-9;-~]{1,80}[ \t]*:|[ \t]+\S")
_ENOUGH_HEADERS: Final = 2
_HTML_TAG: Final = re.compile(
    rb"<(?:!doctype\s{1,20}html|html|head|body|title|meta|article|main|section|div|table|h[1-6]|p|ul|ol|"
    rb"span|a|script|style)[\s>/]",
    re.IGNORECASE,
)
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_CONTROL_SHARE: Final = 0.01


def sniff(head: bytes) -> Format:
    """The format of a file that begins with `head` (`HEAD_BYTES` of it, or all).

    Which of the ZIP archives a file is, is a guess here; so is Outlook's message among the OLE
    files. Their parsers look inside. Markdown is told from plain text later, on the decoded text.
    """
    if not head:
        raise ParsingFailure(Cause.EMPTY)
    if _is_pdf(head):
        return Format.PDF
    binary = _binary(head)
    if binary is not None:
        return binary
    if not is_text(head):
        raise ParsingFailure(Cause.UNSUPPORTED_TYPE)
    return _textual(head)


def _is_pdf(head: bytes) -> bool:
    """Readers accept the header anywhere within the first 1024 bytes (PDF 1.7, annex H.3). A text
    may speak of it, too: then there is no object."""
    at = head[:1024].find(b"%PDF-")
    if at <= 0 or not head[:at].strip(b"\xef\xbb\xbf\x00 \t\r\n\f"):
        return at >= 0
    return _PDF_OBJECT.search(head) is not None or not is_text(head)


def _binary(head: bytes) -> Format | None:
    if head.startswith(_ZIP):
        return _archive(head)
    if head.startswith(_OLE):
        if _directory_seen(head) and _OUTLOOK not in head:
            raise ParsingFailure(Cause.LEGACY_OFFICE)
        return Format.MSG  # or not: the directory is further on
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    return next((form for magic, form in _PICTURES if head.startswith(magic)), None)


def _directory_seen(head: bytes) -> bool:
    """Whether the head reaches the compound file's directory ([MS-CFB] 2.2, sectors of 512)."""
    sector = head[_FIRST_DIRECTORY_SECTOR:][:4]
    return (int.from_bytes(sector, "little") + 2) * 512 <= max(len(head), 2 * 512)


def _archive(head: bytes) -> Format:
    """By the names of the first members; they stand in the head as they are."""
    places = {form: head.find(name) for name, form in _FIRST_PARTS}
    found = [(place, form) for form, place in places.items() if place >= 0]
    return min(found)[1] if found else Format.ZIP


def _textual(head: bytes) -> Format:
    plain = head.removeprefix(_BOMS[0]).lstrip()
    if plain.startswith(b"{\\rtf"):
        return Format.RTF
    if _is_mail(plain):
        return Format.EML
    if _HTML_TAG.match(_first_tag(head)):
        return Format.HTML
    return Format.CSV if csv_separator(plain.decode("utf-8", "replace")) else Format.TEXT


def _is_mail(head: bytes) -> bool:
    """Headers only until the first empty line, some of them those of every mail (RFC 5322)."""
    lines = head.replace(b"\r\n", b"\n").partition(b"\n\n")[0].split(b"\n")
    if lines[0].startswith(b"From "):
        lines = lines[1:]
    if len(lines) > 1 and len(head) >= HEAD_BYTES:
        lines = lines[:-1]  # may be cut off
    if not all(_HEADER_LINE.match(line) for line in lines):
        return False
    return len(set(_MAIL_HEADERS.findall(b"\n".join(lines)))) >= _ENOUGH_HEADERS


def is_text(head: bytes) -> bool:
    """Whether the bytes read as text in one of the encodings we decode."""
    if head.startswith(_BOMS[1:]) or utf16_without_bom(head):
        return True
    if head.startswith(_NOT_TEXT) and not _is_prose(head):
        return False
    return len(head) - len(head.translate(None, _CONTROL)) <= len(head) * _CONTROL_SHARE


def utf16_without_bom(head: bytes) -> str | None:
    """The byte order of UTF-16 text without a mark: in Western text every other byte is NUL."""
    sample = head[: len(head) // 2 * 2]
    if len(sample) < 4:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > half * 0.7 and even < half * 0.05:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.05:
        return "utf-16-be"
    return None


def _is_prose(head: bytes) -> bool:
    """`BM` and `MZ` also begin sentences; their namesakes carry NULs."""
    return head.startswith((b"BM", b"MZ")) and b"\x00" not in head


def _first_tag(head: bytes) -> bytes:
    """From the first tag on: byte order mark, UTF-16 padding, declaration, comments skipped."""
    for bom in _BOMS:
        head = head.removeprefix(bom)
    head = head.replace(b"\x00", b"").lstrip()
    while head.startswith((b"<!--", b"<?")):
        end = b"-->" if head.startswith(b"<!--") else b"?>"
        _, found, rest = head.partition(end)
        if not found:
            return b""
        head = rest.lstrip()
    return head
