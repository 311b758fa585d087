"""Which chunks of a large organization are scored: those with the question's rarest stems."""

from collections.abc import Mapping
from typing import Final

EXACT_UP_TO: Final = 5_000
"""Chunks. Scoring all of them takes about 35 ms at this size."""
FEWEST: Final = 50
"""With fewer candidates than this every chunk is scored after all."""
ENOUGH: Final = 1_000
TOO_MANY: Final = 3_000
MOST: Final = 20_000


def candidate_query(frequencies: Mapping[str, int]) -> str | None:
    """A tsquery for the rarest stems until their frequencies add up to 1,000 to 3,000 chunks.

    None when the question has no stem the vocabulary knows. When even the rarest one is
    frequent, it must meet at least one of the others.
    """
    rarest = sorted(frequencies.items(), key=lambda item: item[1])
    if not rarest:
        return None
    if rarest[0][1] > TOO_MANY and len(rarest) > 1:
        first, *others = (_quoted(stem) for stem, _ in rarest)
        return f"{first} & ({' | '.join(others)})"
    chosen: list[str] = []
    total = 0
    for stem, frequency in rarest:
        if chosen and (total >= ENOUGH or total + frequency > TOO_MANY):
            break
        chosen.append(_quoted(stem))
        total += frequency
    return " | ".join(chosen)


def _quoted(stem: str) -> str:
    # Stems are letters and digits: there is nothing to escape.
    return f"'{stem}'"
