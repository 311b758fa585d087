"""From bytes to characters: byte order mark, then UTF-8, then what Windows wrote."""

import codecs
from typing import Final

from knowledge.parsing.sniffing import HEAD_BYTES, utf16_without_bom

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its prefix
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def decode(raw: bytes, declared: str | None = None) -> str:
    """The text of `raw`. Never fails: an impossible byte becomes U+FFFD.

    A declared charset (HTTP header, HTML meta) comes after the mark and UTF-8, which cannot be
    taken for anything else: pages declare ISO-8859-1 and send UTF-8 every day.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return raw[len(bom) :].decode(encoding, errors="replace")
    byte_order = utf16_without_bom(raw[:HEAD_BYTES])
    if byte_order:
        return raw.decode(byte_order, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_single_byte(raw, declared)


def _decode_single_byte(raw: bytes, declared: str | None) -> str:
    """ISO-8859-1 is read as Windows-1252, as browsers do (WHATWG Encoding)."""
    for encoding in (declared, "cp1252"):
        if encoding is None or encoding.lower() in ("iso-8859-1", "latin-1", "latin1", "utf-8"):
            continue
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return raw.decode("latin-1")  # five bytes are not assigned in Windows-1252
