"""MSG: Outlook's messages ([MS-OXMSG]) in OLE compound files; other compound files are refused."""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import olefile

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.html import extract_html
from knowledge.parsing.mail import SMALLEST_PICTURE, mail_blocks
from knowledge.parsing.members import Member, Open, safe_name

_SUBJECT, _BODY, _HTML = "0037", "1000", "1013"
_SENDER, _TO, _CC = "0C1A", "0E04", "0E03"
_LONG_NAME, _SHORT_NAME, _DATA = "3707", "3704", "3701"
_ATTACHMENT: Final = "__attach_version1.0_#"
_PICTURES: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
# What olefile lets through of damaged files.
_OF_DAMAGE: Final = (
    OSError, struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError
)  # fmt: skip

Path = tuple[str, ...]


def extract_outlook(raw: bytes, limits: Limits, read: Open) -> Extraction:
    """The message's blocks. Raises LEGACY_OFFICE for Word, Excel and PowerPoint up to 2003."""
    try:
        with olefile.OleFileIO(io.BytesIO(raw)) as file:
            paths = [tuple(path) for path in file.listdir()]
            _refuse_others({path[0] for path in paths})
            message = _Message(file, frozenset(paths), (), limits)
            # Read whole while the file is open: it is in memory anyway.
            blocks = list(message.blocks(read))
    except _OF_DAMAGE as error:
        raise ParsingFailure(Cause.BROKEN) from error
    return Extraction(iter(blocks), message.subject or None)


def _refuse_others(names: set[str]) -> None:
    if names & {"EncryptedPackage", "EncryptionInfo"}:
        raise ParsingFailure(Cause.ENCRYPTED)
    if names & {"WordDocument", "Workbook", "Book", "PowerPoint Document"}:
        raise ParsingFailure(Cause.LEGACY_OFFICE)
    if "__properties_version1.0" not in names:
        raise ParsingFailure(Cause.UNSUPPORTED_TYPE)


@dataclass(frozen=True, slots=True)
class _Message:
    """A message at a place in the file: at its root, or embedded in an attachment."""

    file: Any
    paths: frozenset[Path]
    place: Path
    limits: Limits
    depth: int = 0

    @property
    def subject(self) -> str:
        return self._text(_SUBJECT)

    def blocks(self, read: Open) -> Iterator[Block]:
        named = (("De", _SENDER), ("Para", _TO), ("Cópia", _CC))
        envelope = [f"{label}: {value}" for label, tag in named if (value := self._text(tag))]
        yield from mail_blocks(self.subject, envelope, self._body(), self._attachments(), read)
        if self.depth < self.limits.max_depth:
            for place in self._embedded():
                inner = _Message(self.file, self.paths, place, self.limits, self.depth + 1)
                yield from inner.blocks(read)

    def _body(self) -> Iterator[Block]:
        plain = self._text(_BODY, verbatim=True)
        page = self._stream(f"{_HTML}0102") or self._text(_HTML, verbatim=True).encode()
        if plain.strip() or not page:
            yield Block(plain)
        else:
            yield from extract_html(page).blocks

    def _text(self, tag: str, *, verbatim: bool = False) -> str:
        """A property in UTF-16, or in the code page of a Western Windows."""
        wide = self._stream(f"{tag}001F")
        text = wide.decode("utf-16-le", "replace") if wide else ""
        text = text or self._stream(f"{tag}001E").decode("cp1252", "replace")
        return text if verbatim else " ".join(text.split())

    def _stream(self, name: str, *folder: str) -> bytes:
        path = (*self.place, *folder, f"__substg1.0_{name}")
        if path not in self.paths:
            return b""
        with self.file.openstream(list(path)) as stream:
            return bytes(stream.read())

    def _folders(self) -> list[str]:
        depth = len(self.place)
        return sorted(
            {
                path[depth]
                for path in self.paths
                if len(path) > depth + 1
                and path[:depth] == self.place
                and path[depth].startswith(_ATTACHMENT)
            }
        )

    def _attachments(self) -> Iterator[Member]:
        for folder in self._folders():
            content = self._stream(f"{_DATA}0102", folder)
            small_picture = content.startswith(_PICTURES) and len(content) < SMALLEST_PICTURE
            if content and not small_picture:
                yield Member(self._name(folder), partial(bytes, content))

    def _name(self, folder: str) -> str:
        for tag in (_LONG_NAME, _SHORT_NAME):
            name = self._stream(f"{tag}001F", folder).decode("utf-16-le", "replace")
            if name:
                return safe_name(name)
        return "anexo"

    def _embedded(self) -> Iterator[Path]:
        for folder in self._folders():
            place = (*self.place, folder, f"__substg1.0_{_DATA}000D")
            if (*place, "__properties_version1.0") in self.paths:
                yield place
