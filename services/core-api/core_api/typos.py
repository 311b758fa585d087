"""Words that were probably meant: an edit away, or two when the word is long."""

from collections.abc import Iterable
from typing import Final

_ONE_EDIT: Final = 4
_TWO_EDITS: Final = 8
_VERY_LONG: Final = 16  # beyond, two edits would make hundreds of variants
_LONGEST: Final = 24


def edits_allowed(word: str) -> int:
    """How many typing errors a word of this length may hold."""
    if not _ONE_EDIT <= len(word) <= _LONGEST or not word.isalpha():
        return 0
    return 2 if _TWO_EDITS <= len(word) <= _VERY_LONG else 1


def variants(word: str) -> set[str]:
    """The word without any one letter, or any two: what it has in common with similar words.

    After Garbe's symmetric deletion; the other half is the SQL function `crm.word_variants`.
    """
    found = {word}
    for _ in range(edits_allowed(word)):
        found |= {text[:place] + text[place + 1 :] for text in found for place in range(len(text))}
    return found


def distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one):
        earlier, before, row = before, row, [place + 1]
        for column, there in enumerate(other):
            best = min(before[column] + (letter != there), before[column + 1] + 1, row[column] + 1)
            swapped = place and column and letter == other[column - 1]
            if swapped and one[place - 1] == there:
                best = min(best, earlier[column - 1] + 1)
            row.append(best)
    return row[-1]


def similar_to(word: str, candidates: Iterable[str]) -> dict[str, int]:
    """Those of the candidates that may have been meant, with their distance."""
    most = edits_allowed(word)
    return {
        candidate: edits
        for candidate in candidates
        if abs(len(candidate) - len(word)) <= most and (edits := distance(word, candidate)) <= most
    }
