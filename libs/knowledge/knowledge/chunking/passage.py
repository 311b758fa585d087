"""What chunking works with: spans of the text, and the passages they become."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """In tokens. A chunk is closed from `least` on and never exceeds `most`."""

    least: int = 512
    most: int = 1000
    fixed: int = 768
    overlap: int = 96
    smallest_section: int = 128
    """Sections below this share a chunk with the next: a heading with one line answers nothing."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text without blanks at its ends."""

    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk to be: `text[char_start:char_end] == content`. `heading` is a path from the top."""

    position: int
    content: str
    char_start: int
    char_end: int
    page: int | None
    heading: str | None
    token_count: int
