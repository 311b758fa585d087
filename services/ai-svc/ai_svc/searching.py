"""What searching and asking do alike: the counting of searches."""

from collections.abc import Sequence
from typing import Final, Literal

from prometheus_client import Counter

from knowledge.search import Passage

SEARCHES: Final = Counter(
    "rag_searches_total", "Searches; result is found or nothing", ["kind", "result"]
)


def searched(kind: Literal["search", "ask"], passages: Sequence[Passage]) -> None:
    """Counts a search, whoever wanted it."""
    SEARCHES.labels(kind, "found" if passages else "nothing").inc()
