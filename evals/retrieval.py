"""nDCG@10 of search, for questions as written and as mistyped."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from evals.datasets import Dataset
from evals.measures import ndcg, percentile
from evals.misspelling import misspelt
from evals.system import Collection

DEPTH: Final = 10
PASSAGES: Final = 30
"""Asked for, since several may be of one document; the first of each counts."""

GOALS: Final = {
    ("faquad_pt", "clean"): 0.94,
    ("faquad_pt", "misspelt"): 0.91,
    ("suporte_m365_pt", "clean"): 0.69,
    ("xquad_en", "clean"): 0.97,
}


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How one set fared in one way of asking."""

    dataset: str
    asked: str
    questions: int
    ndcg: float
    p50_ms: float
    p95_ms: float

    @property
    def goal(self) -> float | None:
        """The least nDCG, where there is a goal."""
        return GOALS.get((self.dataset, self.asked))

    @property
    def holds(self) -> bool:
        """Whether the goal, if any, is met."""
        return self.goal is None or self.ndcg >= self.goal


async def measure(dataset: Dataset, collection: Collection) -> list[Retrieval]:
    """As written, then mistyped."""
    return [
        await _measure(dataset, collection, "clean", str),
        await _measure(dataset, collection, "misspelt", misspelt),
    ]


async def _measure(
    dataset: Dataset, collection: Collection, asked: str, typed: Callable[[str], str]
) -> Retrieval:
    gains: list[float] = []
    milliseconds: list[float] = []
    for query in dataset.queries:
        begun = time.perf_counter()
        passages = await collection.search(typed(query.text), PASSAGES)
        milliseconds.append((time.perf_counter() - begun) * 1000)
        ranked = _entries([p["document_id"] for p in passages], collection)
        gains.append(ndcg(ranked, query.relevant, DEPTH))
    return Retrieval(
        dataset=dataset.name,
        asked=asked,
        questions=len(gains),
        ndcg=sum(gains) / len(gains),
        p50_ms=percentile(milliseconds, 0.5),
        p95_ms=percentile(milliseconds, 0.95),
    )


def _entries(document_ids: Sequence[str], collection: Collection) -> list[str]:
    return [collection.entry_of[document_id] for document_id in dict.fromkeys(document_ids)]
