"""From a citation in a normalised text to what `Sandbox.render_page` boxes on which page."""

from collections.abc import Sequence
from typing import Final

from knowledge.parsing.page_mark import Mark, NoSuchPage

__all__ = ["MAX_PIXELS", "PNG_SIGNATURE", "Mark", "NoSuchPage", "mark_on_page"]

MAX_PIXELS: Final = 4_000_000
"""An A4 page at 144 dots per inch has half as many."""
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


def mark_on_page(
    content: str, page_starts: Sequence[int], page: int, char_start: int, char_end: int
) -> Mark | None:
    """The part of `content[char_start:char_end]` that stands on the 1-based page, or None.

    `content` and `page_starts` are a version's normalised text and its outline's pages; a passage
    may begin on the page before or end on the one after.
    """
    if not 0 < page <= len(page_starts):
        return None
    begin = page_starts[page - 1]
    end = page_starts[page] if page < len(page_starts) else len(content)
    start, stop = max(char_start, begin), min(char_end, end)
    if start >= stop:
        return None
    return Mark(content[begin:end], start - begin, stop - begin)
