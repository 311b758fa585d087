"""ZIP containers: what they hold, told from the directory, and members read within bounds."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from lxml import etree

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import Format

_MAX_ENTRIES: Final = 10_000
_MAIN_PARTS: Final = {
    "word/document.xml": Format.DOCX,
    "ppt/presentation.xml": Format.PPTX,
    "xl/workbook.xml": Format.XLSX,
    "xl/workbook.bin": Format.XLSX,
}
_MIMETYPES: Final = {
    Format.ODT.value.encode(): Format.ODT,
    Format.EPUB.value.encode(): Format.EPUB,
}
# What zipfile lets through of damaged archives.
OF_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, KeyError, ValueError, NotImplementedError, EOFError, OSError
)  # fmt: skip


def open_container(raw: bytes, limits: Limits) -> zipfile.ZipFile:
    """The archive, refused by its directory before anything is unpacked.

    Members are read no further than the size the directory says, so a lying size only truncates.
    """
    with of_damaged_archives():
        archive = zipfile.ZipFile(io.BytesIO(raw))
    entries = archive.infolist()
    if len(entries) > _MAX_ENTRIES:
        raise ParsingFailure(Cause.ARCHIVE_BOMB)
    if sum(entry.file_size for entry in entries) > limits.max_unpacked_bytes:
        raise ParsingFailure(Cause.ARCHIVE_BOMB)
    return archive


def kind_of(archive: zipfile.ZipFile) -> Format:
    """Which of the formats that are ZIP archives this one is; ZIP itself for any other."""
    names = set(archive.namelist())
    for part, form in _MAIN_PARTS.items():
        if part in names:
            return form
    if "mimetype" in names and archive.getinfo("mimetype").file_size < 200:
        kind = read_member(archive, "mimetype").strip()
        if kind not in _MIMETYPES and kind.startswith(b"application/vnd.oasis"):
            raise ParsingFailure(Cause.UNSUPPORTED_TYPE)
        return _MIMETYPES.get(kind, Format.ZIP)
    return Format.ZIP


def refuse_encrypted(archive: zipfile.ZipFile) -> None:
    """A document of which one part needs a password needs it as a whole."""
    if any(entry.flag_bits & 0x1 for entry in archive.infolist()):
        raise ParsingFailure(Cause.ENCRYPTED)


def read_member(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo) -> bytes:
    """A member's bytes. Raises ParsingFailure when it is damaged or missing."""
    with of_damaged_archives():
        return archive.read(name)


def read_xml(archive: zipfile.ZipFile, name: str) -> Any:
    """A member as a tree; entities are not expanded, nothing is fetched, depth is bounded."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    try:
        return etree.fromstring(read_member(archive, name), parser)
    except etree.XMLSyntaxError as error:
        # When memory is refused, libxml2 has none left to say so either.
        out_of_memory = str(error).startswith(("Memory allocation failed", "unknown error"))
        raise ParsingFailure(Cause.TOO_COMPLEX if out_of_memory else Cause.BROKEN) from error


@contextmanager
def of_damaged_archives() -> Iterator[None]:
    """Turns what damaged archives and missing parts raise into BROKEN."""
    try:
        yield
    except RuntimeError as error:  # zipfile's word for "a password is required"
        raise ParsingFailure(Cause.ENCRYPTED) from error
    except OF_DAMAGE as error:
        raise ParsingFailure(Cause.BROKEN) from error
