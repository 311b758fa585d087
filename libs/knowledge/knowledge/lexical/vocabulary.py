"""The stems an organization's documents know, and the nearest of them for one they do not know.

People write "ruanet" for "rouanet": a stem no document has is replaced by its neighbours.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHORTEST: Final = 4
"""Shorter stems have too many neighbours."""
FORGIVING: Final = 8
"""From this length on, two mistakes are forgiven instead of one."""
MOST_NEIGHBOURS: Final = 3
_COMPARED: Final = 400
_PAIRS_OF_A_MISTAKE: Final = 3
"""Letter pairs a mistake changes at most: those around two swapped letters."""
_BREAK: Final = ord("\n")

Bits = NDArray[np.uint64]


class Vocabulary:
    """Distinct stems. Prepared at the first question with an unknown word, then kept."""

    def __init__(self, stems: Sequence[str]) -> None:
        self._stems = stems

    def nearest(self, stem: str) -> list[str]:
        """The stems at the smallest edit distance, at most three; none when all are too far."""
        if len(stem) < SHORTEST or stem.isdigit() or not self._stems:
            return []
        allowed = 1 if len(stem) < FORGIVING else 2
        near: dict[int, list[str]] = {}
        for candidate in self._possible(stem, allowed):
            near.setdefault(edit_distance(stem, candidate, allowed), []).append(candidate)
        closest = min(near, default=allowed + 1)
        return near[closest][:MOST_NEIGHBOURS] if closest <= allowed else []

    def related(self, stem: str, most: int) -> list[str]:
        """Stems that share more than half of their letter pairs with this one, the likest first."""
        if len(stem) < SHORTEST or stem.isdigit() or not self._stems:
            return []
        alike = self._alike(signatures([stem])[0])
        places = np.flatnonzero(alike > 0.5)
        ordered = places[np.argsort(-alike[places], kind="stable")]
        return [self._stems[place] for place in ordered[: most + 1] if self._stems[place] != stem]

    def _possible(self, stem: str, allowed: int) -> list[str]:
        """No stem within `allowed` mistakes is missing, unless more than 400 come into question."""
        mine = signatures([stem])[0]
        least = int(np.bitwise_count(mine)) - _PAIRS_OF_A_MISTAKE * allowed
        shared = np.bitwise_count(self._signatures & mine)
        places = np.flatnonzero(
            (shared >= max(1, least)) & (np.abs(self._lengths - len(stem)) <= allowed)
        )
        alike = 2.0 * shared[places] / (self._sizes[places] + int(np.bitwise_count(mine)))
        likely = places[np.argsort(-alike, kind="stable")][:_COMPARED]
        return [self._stems[place] for place in likely]

    def _alike(self, mine: np.uint64) -> NDArray[np.float64]:
        """Dice's coefficient of letter pairs, with every stem."""
        shared = np.bitwise_count(self._signatures & mine).astype(np.float64)
        alike: NDArray[np.float64] = 2 * shared / (self._sizes + int(np.bitwise_count(mine)))
        return alike

    @cached_property
    def _signatures(self) -> Bits:
        return signatures(self._stems)

    @cached_property
    def _sizes(self) -> NDArray[np.float64]:
        return np.bitwise_count(self._signatures).astype(np.float64)

    @cached_property
    def _lengths(self) -> NDArray[np.int64]:
        return np.fromiter(map(len, self._stems), np.int64, len(self._stems))


def edit_distance(first: str, second: str, allowed: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).

    Anything above `allowed` is returned as `allowed + 1`.
    """
    if abs(len(first) - len(second)) > allowed:
        return allowed + 1
    before: list[int] = []
    previous = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            cost = min(
                previous[column] + 1,
                current[-1] + 1,
                previous[column - 1] + (letter != other),
            )
            if row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        if min(current) > allowed:
            return allowed + 1
        before, previous = previous, current
    return min(previous[-1], allowed + 1)


def signatures(stems: Sequence[str]) -> Bits:
    """A bit for each letter pair: what two stems share is one AND and a count of bits.

    For all at once: a vocabulary has a hundred thousand stems.
    """
    text = np.frombuffer("".join(f"_{stem}_\n" for stem in stems).encode(), dtype=np.uint8)
    pairs = text[:-1].astype(np.uint64) * np.uint64(257) + text[1:]
    places = (pairs * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)
    bits = np.left_shift(np.uint64(1), places)
    breaks = text == _BREAK
    bits[breaks[:-1] | breaks[1:]] = 0
    starts = np.concatenate([[0], np.flatnonzero(breaks)[:-1] + 1])
    return np.bitwise_or.reduceat(bits, starts)
