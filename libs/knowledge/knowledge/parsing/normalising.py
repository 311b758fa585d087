"""The text that every offset refers to: NFC, line feeds, no NUL; headings and pages as offsets."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Block, Extraction, Limits

_LINE_BREAKS: Final = re.compile(r"\r\n|[\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_BLANK_RUN: Final = re.compile(r"\n{3,}")
# Controls, byte order marks, soft hyphens, zero-width spaces: unseen, and they split words.
_INVISIBLE: Final = {
    **dict.fromkeys((*range(9), *range(14, 28), 31, *range(127, 133), *range(134, 160))),
    **dict.fromkeys((0x00AD, 0x200B, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF)),
    **dict.fromkeys((0x00A0, 0x2007, 0x202F), " "),
}
_UNSEEN: Final = re.compile("[" + "".join(map(chr, _INVISIBLE)) + "]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_MAX_HEADING: Final = 200


def _run_of_marks(first: int, last: int) -> re.Pattern[str]:
    """More combining marks in a row than any script writes (UAX #15 allows 30, stream-safe text).

    CPython sorts such a run by insertion: a million of them would keep a core busy for days.
    """
    marks = "".join(chr(code) for code in range(first, last) if unicodedata.combining(chr(code)))
    return re.compile(f"([{marks}]{{30}})[{marks}]+")


# A class with characters beyond the basic plane is matched far more slowly: only where needed.
_RUN_OF_MARKS: Final = _run_of_marks(0x300, 0x10000)
_RUN_OF_ASTRAL_MARKS: Final = _run_of_marks(0x300, 0x1F000)
_ASTRAL: Final = re.compile("[\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading begins at `char_start`; `level` 1-6."""

    char_start: int
    level: int
    title: str


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """The text and its structure. `page_starts[i]` is where page i+1 begins.

    `unread_pages` are pictures that only text recognition could have read.
    """

    text: str
    headings: tuple[Heading, ...] = ()
    page_starts: tuple[int, ...] = ()
    title: str | None = None
    unread_pages: int = 0


def clean(text: str) -> str:
    """NFC, line feeds, nothing invisible, no blanks at line ends, one empty line in a row."""
    text = _LINE_BREAKS.sub("\n", text)
    if _UNSEEN.search(text):
        text = text.translate(_INVISIBLE)
    if not text.isascii():
        marks = _RUN_OF_ASTRAL_MARKS if _ASTRAL.search(text) else _RUN_OF_MARKS
        text = marks.sub(r"\1", _SURROGATE.sub("\ufffd", text))
        text = unicodedata.normalize("NFC", text)
    # Not a regular expression: `[ \t]+\n` backtracks quadratically over a line of a million blanks.
    text = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_RUN.sub("\n\n", text).strip("\n")


def normalise(extraction: Extraction, limits: Limits) -> NormalisedText:
    """Joins the blocks into one text.

    Cleaning block by block keeps the offsets exact: a line end between two blocks never composes,
    so the joined text is in NFC as well. Raises ParsingFailure for no text, and for too much.
    """
    parts: list[str] = []
    headings: list[Heading] = []
    pages: list[int] = []
    length = 0
    for block, text in _cleaned(extraction.blocks):
        separator = "" if not parts else "\n" if block.tight else "\n\n"
        start = length + len(separator)
        while block.page is not None and len(pages) < block.page:
            pages.append(
                start if pages else 0
            )  # a page without text begins where the next text does
        if block.level and text:
            headings.append(Heading(start, block.level, _one_line(block.heading or text)))
        if text:
            parts += (separator, text)
            length = start + len(text)
        if length > limits.max_characters or len(pages) > limits.max_pages:
            raise ParsingFailure(Cause.TOO_LONG)
    if not any(part.strip() for part in parts):
        raise ParsingFailure(Cause.EMPTY)
    title = _one_line(extraction.title or "") or None
    return NormalisedText("".join(parts), tuple(headings), tuple(pages), title)


def _one_line(title: str) -> str:
    return " ".join(clean(title).split())[:_MAX_HEADING].strip()


def _cleaned(blocks: Iterator[Block]) -> Iterator[tuple[Block, str]]:
    for block in blocks:
        yield block, clean(block.text)
