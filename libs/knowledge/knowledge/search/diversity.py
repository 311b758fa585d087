"""Maximal marginal relevance: passages that say something the ones before them did not.

Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking" (1998).
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

POOL: Final = 50
"""Passages diversity chooses from."""


def diverse(
    scores: Sequence[float], vectors: NDArray[Any], diversity: float, count: int
) -> list[int]:
    """The places of the chosen, in order: `(1 − d) · score / best − d · nearest chosen`.

    `vectors` has a row of unit length per score. With 0 the order stays as it is.
    """
    relevance = np.asarray(scores, dtype=np.float64)
    best = float(relevance.max(initial=0.0)) or 1.0
    relevance = relevance / best
    alike = np.asarray(vectors, dtype=np.float64)
    alike = alike @ alike.T
    nearest = np.zeros(len(relevance))
    left = list(range(len(relevance)))
    chosen: list[int] = []
    while left and len(chosen) < count:
        worth = (1 - diversity) * relevance[left] - diversity * nearest[left]
        place = left.pop(int(np.argmax(worth)))
        chosen.append(place)
        nearest = np.maximum(nearest, alike[place])
    return chosen
