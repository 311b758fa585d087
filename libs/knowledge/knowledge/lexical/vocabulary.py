"""The stems an organization's documents know, and the nearest of them for one they do not know.

People write "ruanet" for "rouanet": a stem no document has is replaced by its neighbours.
"""

import zlib
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
_COMPARED: Final = 50


class Vocabulary:
    """Distinct stems. Prepared at the first question with an unknown word, then kept."""

    def __init__(self, stems: Sequence[str]) -> None:
        self._stems = stems

    def nearest(self, stem: str) -> list[str]:
        """The stems at the smallest edit distance, at most three; none when all are too far."""
        if len(stem) < SHORTEST or stem.isdigit() or not self._stems:
            return []
        allowed = 1 if len(stem) < FORGIVING else 2
        mine = np.uint64(_signature(stem))
        shared = np.bitwise_count(self._signatures & mine).astype(np.float64)
        dice = 2 * shared / (self._sizes + np.bitwise_count(mine))
        likely = np.argsort(-dice, kind="stable")[:_COMPARED]
        near: dict[int, list[str]] = {}
        for index in likely:
            candidate = self._stems[index]
            near.setdefault(edit_distance(stem, candidate, allowed), []).append(candidate)
        closest = min(near)
        return near[closest][:MOST_NEIGHBOURS] if closest <= allowed else []

    @cached_property
    def _signatures(self) -> NDArray[np.uint64]:
        return np.array([_signature(stem) for stem in self._stems], dtype=np.uint64)

    @cached_property
    def _sizes(self) -> NDArray[np.float64]:
        return np.bitwise_count(self._signatures).astype(np.float64)


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


def _signature(stem: str) -> int:
    """A bit for each letter pair: what two stems share is one AND and a count of bits."""
    padded = f"_{stem}_"
    bits = 0
    for start in range(len(padded) - 1):
        bits |= 1 << (zlib.crc32(padded[start : start + 2].encode()) * 0x9E3779B1 >> 3 & 63)
    return bits
