"""What chunking works with: spans of the text, and the passages they become."""

from dataclasses import dataclass
from typing import Final, Self

SMALLEST_CHUNK: Final = 64
LARGEST_CHUNK: Final = 2_000
"""Bounds of what may be chosen, in tokens: below, a chunk says nothing; above, everything."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """In tokens. A chunk is closed from `least` on and never exceeds `most`."""

    least: int = 512
    most: int = 1000
    fixed: int = 768
    overlap: int = 96
    smallest_section: int = 128
    """Sections below this share a chunk with the next: a heading with one line answers nothing."""
    unit: int = 640
    """An article, or a question with its answer, up to here is one chunk; a longer one is cut."""

    @classmethod
    def chosen(cls, size: int | None, overlap: int | None) -> Self:
        """The largest chunk a person wants, the rest in proportion; None is the default.

        Raises ValueError beyond the bounds.
        """
        default = cls()
        if size is None:
            sizes = default
        elif SMALLEST_CHUNK <= size <= LARGEST_CHUNK:
            sizes = cls(
                least=size // 2,
                most=size,
                fixed=size,
                overlap=size // 8,
                smallest_section=size // 8,
                unit=size,
            )
        else:
            raise ValueError(f"a chunk has {SMALLEST_CHUNK} to {LARGEST_CHUNK} tokens")
        return sizes if overlap is None else sizes.overlapping(overlap)

    def overlapping(self, overlap: int) -> Self:
        """The same with another overlap. Raises ValueError for more than half a chunk."""
        if not 0 <= overlap <= self.fixed // 2:
            raise ValueError("chunks overlap by half of their size at most")
        return type(self)(
            self.least, self.most, self.fixed, overlap, self.smallest_section, self.unit
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text without blanks at its ends."""

    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A span that becomes a passage under this path of headings."""

    span: Span
    heading: str | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk to be: `text[char_start:char_end] == content`. `heading` is a path from the top;
    what is not `enabled` is kept, and not found."""

    position: int
    content: str
    char_start: int
    char_end: int
    page: int | None
    heading: str | None
    token_count: int
    enabled: bool = True
