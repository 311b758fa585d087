"""Which chunks of a large organization are scored: those with the question's rarest stems."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from knowledge.lexical.analyzer import stem_term
from knowledge.lexical.statistics import Statistics

EXACT_UP_TO: Final = 5_000
"""Chunks. Scoring all of them takes about 35 ms at this size."""
FEWEST: Final = 50
"""With fewer candidates than this the question is widened by stems like its own."""
ENOUGH: Final = 1_000
TOO_MANY: Final = 3_000
MOST: Final = 3_000
"""Scored at most, of those the reader may read: a question of one frequent word meets more."""
_RELATED: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Chunks with any of the stems, and with every required one. `few`: no more than 3,000."""

    stems: tuple[str, ...]
    required: tuple[str, ...] = ()
    few: bool = True


def candidate_stems(frequencies: Mapping[str, int]) -> Wanted | None:
    """The rarest stems until their frequencies add up to 1,000 to 3,000 chunks.

    None when the question has no stem the vocabulary knows. When even the rarest one is
    frequent, it must meet at least one of the others.
    """
    rarest = sorted(frequencies.items(), key=lambda item: item[1])
    if not rarest:
        return None
    if rarest[0][1] > TOO_MANY and len(rarest) > 1:
        first, *others = (stem for stem, _ in rarest)
        return Wanted(tuple(others), (first,), few=False)
    chosen: list[str] = []
    total = 0
    for stem, frequency in rarest:
        if chosen and (total >= ENOUGH or total + frequency > TOO_MANY):
            break
        chosen.append(stem)
        total += frequency
    return Wanted(tuple(chosen), few=total <= TOO_MANY)


def widened(frequencies: Mapping[str, int], statistics: Statistics) -> Wanted | None:
    """The rarest stems with others whose letters are like theirs: `arquiv` finds `desarquiv`.

    Up to 3,000 chunks as well; of words nobody has written, too, as far as others are like them.
    """
    found: dict[str, None] = {}
    total = 0
    for stem, frequency in sorted(frequencies.items(), key=lambda item: item[1]):
        if total + frequency > TOO_MANY:
            break
        found[stem] = None
        total += frequency
        related = statistics.vocabulary.related(stem, _RELATED)
        terms = np.array([stem_term(each) for each in related], dtype=np.int32)
        for each, number in zip(related, statistics.frequency(terms).tolist(), strict=True):
            if total + number <= TOO_MANY:
                found[each] = None
                total += number
    return Wanted(tuple(found)) if found else None
