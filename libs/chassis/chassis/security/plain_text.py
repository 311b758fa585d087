"""Text as it is compared: no accents, lower case, nothing invisible; and the way back from there.

People write `JÚLIA`, `julia`, full-width digits, or copy a number with zero-width characters in it.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

_ALIKE: Final = dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-") | {0x2018: "'", 0x2019: "'"}
"""Hyphens, dashes and apostrophes that programs put in the place of what was typed."""
_DROPPED: Final = frozenset({"Mn", "Cf"})  # accents, and what nobody sees
_ONE_LETTER: Final = {"Ŀ": "l", "ŀ": "l"}  # decomposed, its dot would end the word


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    decomposed = _ONE_LETTER.get(char) or unicodedata.normalize("NFKD", char)
    kept = "".join(part for part in decomposed if unicodedata.category(part) not in _DROPPED)
    return kept.translate(_ALIKE).casefold()


def plain(text: str) -> str:
    """`Conceição` → `conceicao`."""
    return "".join(map(_plain, text))


@dataclass(frozen=True, slots=True)
class PlainText:
    """A text, its plain form, and for each character of that one where it stands in the text."""

    original: str
    plain: str
    places: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Self:
        """Some microseconds per hundred characters."""
        if text.isascii():
            return cls(text, text.lower(), ())
        parts: list[str] = []
        places: list[int] = []
        for place, char in enumerate(text):
            folded = _plain(char)
            parts.append(folded)
            places.extend([place] * len(folded))
        return cls(text, "".join(parts), tuple(places))

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the text that a part of the plain form stands for, with the accents that
        follow its last character."""
        if not self.places:
            return start, end
        last = self.places[end - 1] + 1
        while last < len(self.original) and not _plain(self.original[last]):
            last += 1
        return self.places[start], last
