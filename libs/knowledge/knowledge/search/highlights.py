"""Which words of a passage met the question: character ranges, so that no page needs our HTML."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final, NamedTuple

from knowledge.lexical.analyzer import stem_of, words
from knowledge.models import Language

# A letter or digit with the accents that may follow it as characters of their own.
WRITTEN: Final = re.compile("(?:[^\\W_][\u0300-\u036f]*)+")
"""A word as it stands in a text."""
MOST: Final = 200
"""Ranges of one passage; a long list of the same word says nothing more."""


class Highlight(NamedTuple):
    """`content[start:end]` of the passage, in Unicode code points."""

    start: int
    end: int


def highlights(content: str, stems: Collection[str]) -> tuple[Highlight, ...]:
    """The words whose stem, in either language, is one of the question's. In reading order."""
    found: list[Highlight] = []
    for match in WRITTEN.finditer(content):
        if not stems_of(match.group()).isdisjoint(stems):
            found.append(Highlight(match.start(), match.end()))
            if len(found) == MOST:
                break
    return tuple(found)


@lru_cache(maxsize=2**15)
def stems_of(written: str) -> frozenset[str]:
    """The stems, in either language, of one word as it stands in a text, accents included."""
    stems = (stem_of(word, each) for word in words(written) for each in Language)
    return frozenset(stem for stem in stems if stem is not None)
