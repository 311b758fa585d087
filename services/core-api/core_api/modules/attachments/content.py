"""What a file is, by its content. Its name can only make it worse.

Programs, installers, scripts and documents with macros are refused whatever they are called.
"""

import re
import struct
from typing import BinaryIO, Final

import puremagic

from core_api.modules.attachments.containers import (
    ContainerBroken,
    ole_streams,
    zip_begins_with,
    zip_members,
)
from core_api.modules.attachments.exceptions import AttachmentTypeRefused
from core_api.modules.attachments.names import REFUSED_EXTENSIONS, extension_of

_HEAD_BYTES: Final = 8192

_PROGRAMS: Final = (
    b"MZ",  # Windows, DOS
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",  # macOS, in all its byte orders
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # also Java
    b"\x00asm",
    b"dex\n",
    b"L\x00\x00\x00\x01\x14\x02\x00",  # Windows shortcut
    b"#!",
)
_MARKUP: Final = re.compile(
    r"<\s*(!doctype\s+html|html|head|body|script|iframe|svg|img|object|embed|meta|link|style"
    r"|\?xml|!doctype|!--)",
    re.IGNORECASE,
)
# Of puremagic's many names for one thing, the extension is the least ambiguous.
_KNOWN: Final = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jfif": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "rtf": "application/rtf",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "m4a": "audio/mp4",
    "amr": "audio/amr",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
    "avi": "video/x-msvideo",
    "7z": "application/x-7z-compressed",
    "gz": "application/gzip",
}
_OOXML: Final = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_OLE: Final = {
    "WordDocument": "application/msword",
    "Workbook": "application/vnd.ms-excel",
    "Book": "application/vnd.ms-excel",
    "PowerPoint Document": "application/vnd.ms-powerpoint",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "EncryptedPackage": "application/vnd.ms-office",
}
_OLE_MACROS: Final = frozenset({"_VBA_PROJECT_CUR", "Macros", "_VBA_PROJECT", "VBA"})
_TEXT_BY_NAME: Final = {
    "csv": "text/csv",
    "md": "text/markdown",
    "json": "application/json",
    "xml": "application/xml",
    "eml": "message/rfc822",
}
_SHOWN_AS_DOWNLOAD: Final = "application/octet-stream"


def identify(file: BinaryIO, size: int, name: str) -> str:
    """The media type, or AttachmentTypeRefused. Blocking; reads little of the file."""
    if extension_of(name) in REFUSED_EXTENSIONS:
        raise AttachmentTypeRefused
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head.startswith(_PROGRAMS):
        raise AttachmentTypeRefused
    try:
        found = _of_content(file, size, head, name)
    except (ContainerBroken, struct.error):
        raise AttachmentTypeRefused from None
    if found is None:
        raise AttachmentTypeRefused
    return found


def served_as(media_type: str) -> str:
    """What a browser is told. Markup can carry scripts, and is handed over as bytes."""
    harmless = media_type.startswith(("image/", "audio/", "video/")) or media_type in {
        "application/pdf",
        "text/plain",
    }
    return media_type if harmless and "svg" not in media_type else _SHOWN_AS_DOWNLOAD


def _of_content(file: BinaryIO, size: int, head: bytes, name: str) -> str | None:
    if head.startswith(b"PK\x03\x04"):
        return _of_zip(file, size)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _of_ole(file, size)
    return _of_magic(head) or _of_text(head, name)


def _of_zip(file: BinaryIO, size: int) -> str:
    declared = zip_begins_with(file)
    members = zip_members(file, size)
    lowered = [member.lower() for member in members]
    if any(extension_of(member) in REFUSED_EXTENSIONS for member in lowered):
        raise AttachmentTypeRefused
    if any(m.endswith("vbaproject.bin") or m == "meta-inf/manifest.mf" for m in lowered):
        raise AttachmentTypeRefused  # macros; Java
    if declared.startswith("application/vnd.oasis.opendocument."):
        if any(member.startswith(("basic/", "scripts/")) for member in lowered):
            raise AttachmentTypeRefused
        return declared.strip()
    if "[content_types].xml" in lowered:
        for folder, media_type in _OOXML.items():
            if any(member.startswith(folder) for member in lowered):
                return media_type
    return "application/zip"


def _of_ole(file: BinaryIO, size: int) -> str:
    streams = ole_streams(file, size)
    if streams & _OLE_MACROS:
        raise AttachmentTypeRefused
    for stream, media_type in _OLE.items():
        if stream in streams:
            return media_type
    raise AttachmentTypeRefused  # an installer, among others


def _of_magic(head: bytes) -> str | None:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    for match in matches:
        extension = match.extension.lstrip(".").lower()
        if extension in _KNOWN and match.byte_match and head.startswith(_at_start(match)):
            return _KNOWN[extension]
    return None


def _at_start(match: puremagic.PureMagicWithConfidence) -> bytes:
    """Signatures further in are too weak for text, except those of media containers."""
    return b"" if match.offset in {4, 8} else match.byte_match


def _of_text(head: bytes, name: str) -> str | None:
    text = _decoded(head)
    if text is None:
        return None
    if _MARKUP.search(text):
        return "image/svg+xml" if "<svg" in text.lower() else "text/html"
    return _TEXT_BY_NAME.get(extension_of(name), "text/plain")


def _decoded(head: bytes) -> str | None:
    """As text, or None. The head may end within a character."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "ignore")
    else:
        try:
            text = head[:-3].decode("utf-8") + head[-3:].decode("latin-1")
        except UnicodeDecodeError:
            text = head.decode("latin-1")
    strange = (char for char in text if char < " " and char not in "\t\n\r\f\x1b")
    return None if any(strange) else text
