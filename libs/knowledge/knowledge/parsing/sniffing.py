"""What a file is, by its first bytes. Its name and its declared type are never believed."""

import re
from enum import StrEnum
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure

HEAD_BYTES: Final = 8192
"""How much of a file `sniff` wants to see."""


class Format(StrEnum):
    """The formats there is a parser for. The values are media types."""

    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Formats that begin with printable bytes and would otherwise pass for text.
_NOT_TEXT: Final = (b"{\\rtf", b"%!PS", b"GIF8", b"BM", b"MZ", b"\x7fELF", b"From ", b"begin 6")
_HTML_TAG: Final = re.compile(
    rb"<(?:!doctype\s{1,20}html|html|head|body|title|meta|article|main|section|div|table|h[1-6]|p|ul|ol|"
    rb"span|a|script|style)[\s>/]",
    re.IGNORECASE,
)
_CONTROL: Final = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1a\x1b"))
_CONTROL_SHARE: Final = 0.01


def sniff(head: bytes) -> Format:
    """The format of a file that begins with `head` (`HEAD_BYTES` of it, or all).

    A ZIP container is taken for DOCX here; the DOCX parser looks inside and refuses others.
    Markdown is told from plain text later, on the decoded text.
    """
    if not head:
        raise ParsingFailure(Cause.EMPTY)
    # PDF 1.7, annex H.3: readers accept the header anywhere within the first 1024 bytes.
    if b"%PDF-" in head[:1024]:
        return Format.PDF
    if head.startswith(_ZIP):
        return Format.DOCX
    if head.startswith(_OLE):
        raise ParsingFailure(Cause.LEGACY_OFFICE)
    if not is_text(head):
        raise ParsingFailure(Cause.UNSUPPORTED_TYPE)
    return Format.HTML if _HTML_TAG.match(_first_tag(head)) else Format.TEXT


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
    """`BM`, `MZ` and `From ` also begin sentences; their namesakes carry NULs or headers."""
    if head.startswith((b"BM", b"MZ")):
        return b"\x00" not in head
    return head.startswith(b"From ") and b"\nSubject:" not in head


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
