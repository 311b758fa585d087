"""Files within files: an archive's members and a mail's attachments, a heading with a name each."""

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.containers import read_member
from knowledge.parsing.extraction import Block, Extraction

_UTF8_NAME: Final = 0x800
_DEEPEST: Final = 6
_NOT_READ: Final = {
    Cause.ENCRYPTED: "protegido por senha",
    Cause.NEEDS_OCR: "imagem sem texto, precisa de OCR",
    Cause.UNSUPPORTED_TYPE: "tipo de arquivo não aceito",
    Cause.LEGACY_OFFICE: "formato antigo do Office",
    Cause.ARCHIVE_BOMB: "compactado em níveis demais",
    Cause.EMPTY: "sem texto",
}
# What programs leave in archives for themselves.
_LEFTOVERS: Final = re.compile(
    r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)", re.IGNORECASE
)
_MAX_NAME: Final = 150

Open = Callable[[bytes], Extraction]
"""A nested file's blocks, whatever its format. Raises ParsingFailure."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file within a file. `content` is called once and may raise ParsingFailure."""

    name: str
    content: Callable[[], bytes]


def zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    """The files of an archive in its order; folders and leftovers are none."""
    for entry in archive.infolist():
        name = shown_name(entry)
        if not entry.is_dir() and not _LEFTOVERS.search(name):
            yield Member(name, partial(read_member, archive, entry))


def shown_name(entry: zipfile.ZipInfo) -> str:
    """The member's name without the tricks: no way up, no drive, forward slashes.

    Names without the UTF-8 flag were written in the code page of a DOS: UTF-8 all the same, or the
    850 of Portuguese Windows; zipfile has read them as 437.
    """
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAME:
        raw = name.encode("cp437", "replace")
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            name = raw.decode("cp850")
    return safe_name(name)


def safe_name(name: str) -> str:
    """A name to show: one line, no way up or out of a folder, not endless."""
    parts = re.split(r"[\\/]+", "".join(sign for sign in name if sign.isprintable()))
    kept = [part.strip() for part in parts if part.strip(". ") and not part.endswith(":")]
    return "/".join(kept)[-_MAX_NAME:] or "arquivo"


def member_blocks(members: Iterator[Member], read: Open, *, whole: bool = False) -> Iterator[Block]:
    """All members as one text. One that cannot be read leaves a line that says so.

    Unless there is a text beside them (`whole`), raises the first member's failure when none could
    be read, and EMPTY when there is none.
    """
    failures: list[ParsingFailure] = []
    for member in members:
        yield Block(member.name, level=1)
        try:
            yield from _below(read(member.content()))
            whole = True
        except ParsingFailure as failure:
            if failure.cause in (Cause.TOO_LONG, Cause.TOO_SLOW, Cause.TOO_COMPLEX):
                raise
            failures.append(failure)
            reason = _NOT_READ.get(failure.cause, "arquivo corrompido")
            yield Block(f"[Não lido: {reason}.]")
    if not whole:
        raise failures[0] if failures else ParsingFailure(Cause.EMPTY)


def _below(extraction: Extraction) -> Iterator[Block]:
    """Headings a level lower, under the member's name; its pages are not pages of the whole."""
    for at, block in enumerate(extraction.blocks):
        level = min(block.level + 1, _DEEPEST) if block.level else 0
        yield replace(block, level=level, page=None, tight=block.tight and at > 0)
