"""Finding a model's quote in the passage it names: exactly, or differing in blanks only."""

import re
from typing import Final

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
