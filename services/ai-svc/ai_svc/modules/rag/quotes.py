"""Quotes: a stretch of a passage, and finding a model's quote in the passage it names."""

import re
from dataclasses import dataclass
from typing import Final

from knowledge.search import Passage

SHORTEST: Final = 3
"""Characters; anything shorter is found everywhere and proves nothing."""


def locate(quote: str, content: str) -> tuple[int, int] | None:
    """Where `content` has the quote; None when it does not.

    Models fold line breaks into blanks. Nothing else is forgiven: a changed word is an invention.
    """
    quote = quote.strip()
    if len(quote) < SHORTEST:
        return None
    at = content.find(quote)
    if at >= 0:
        return at, at + len(quote)
    found = re.search(r"\s+".join(re.escape(word) for word in quote.split()), content)
    return found.span() if found else None


@dataclass(frozen=True, slots=True)
class Citation:
    """A stretch of a passage: its version's content[char_start:char_end) should be `quote`."""

    passage: Passage
    char_start: int
    char_end: int

    @property
    def quote(self) -> str:
        """As the passage has it; checked against the version before it is sent."""
        offset = self.passage.char_start
        return self.passage.content[self.char_start - offset : self.char_end - offset]
