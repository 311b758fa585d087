"""What a parser hands over: blocks of raw text in reading order, with the structure it saw."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """How much text one document may have. 10,000,000 characters are about 4,000 printed pages.

    `max_members` files may be within one file, `max_depth` deep. Pictures are read up to
    `max_pictures` and `recognition_seconds`.
    """

    max_characters: int = 10_000_000
    max_pages: int = 5_000
    max_unpacked_bytes: int = 100 * 1024 * 1024
    max_members: int = 500
    max_depth: int = 3
    max_pictures: int = 200
    recognition_seconds: float = 300


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, a list item or a table row.

    `level` is 1-6 for a heading, 0 otherwise; `heading` is its title where the text has markup.
    A `tight` block follows the one before it on the next line, not after a blank line.
    `page` is 1-based.
    """

    text: str
    level: int = 0
    heading: str | None = None
    tight: bool = False
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """The blocks, read once and in order, and what the file says its title is."""

    blocks: Iterator[Block]
    title: str | None = None


CELL_SEPARATOR: Final = " | "
"""Between the cells of a table row, so that a row stays readable in a quote."""
