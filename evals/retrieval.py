"""How well the relevant entries are found, by each way of ranking, as written and as mistyped."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evals.baselines import PRODUCT, Found, Ranker
from evals.datasets import Dataset, Query
from evals.measures import ndcg, percentile, recall, reciprocal_rank
from evals.misspelling import misspelt

DEPTH: Final = 10
CLEAN: Final = "clean"
MISSPELT: Final = "misspelt"

GOALS: Final = {
    ("faquad_pt", CLEAN): 0.94,
    ("faquad_pt", MISSPELT): 0.91,
    ("suporte_m365_pt", CLEAN): 0.69,
    ("xquad_en", CLEAN): 0.97,
}
"""The least nDCG@10 of the product."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """How one set fared by one way of ranking and of asking."""

    dataset: str
    ranker: str
    asked: str
    questions: int
    ndcg: float
    recall_5: float
    recall_10: float
    reciprocal_rank: float
    p50_ms: float
    p95_ms: float

    @property
    def goal(self) -> float | None:
        """The least nDCG, where there is a goal."""
        return GOALS.get((self.dataset, self.asked)) if self.ranker == PRODUCT else None

    @property
    def holds(self) -> bool:
        """Whether the goal, if any, is met."""
        return self.goal is None or self.ndcg >= self.goal


async def measure(dataset: Dataset, ways: Mapping[str, Ranker]) -> list[Retrieval]:
    """The product as written and as mistyped, everything else as written."""
    found = await measure_product(dataset, ways[PRODUCT])
    for name, ranker in ways.items():
        if name != PRODUCT:
            found.append(await _measure(dataset, name, ranker, CLEAN, str))
    return found


async def measure_product(dataset: Dataset, ranker: Ranker) -> list[Retrieval]:
    """As written and as mistyped."""
    return [
        await _measure(dataset, PRODUCT, ranker, CLEAN, str),
        await _measure(dataset, PRODUCT, ranker, MISSPELT, misspelt),
    ]


async def _measure(
    dataset: Dataset, name: str, ranker: Ranker, asked: str, typed: Callable[[str], str]
) -> Retrieval:
    queries = [query for query in dataset.queries if query.relevant]
    found: list[tuple[list[str], Mapping[str, int]]] = []
    milliseconds: list[float] = []
    for query in queries:
        begun = time.perf_counter()
        passages = await ranker(typed(query.text))
        milliseconds.append((time.perf_counter() - begun) * 1000)
        found.append(judged(query, passages))
    return Retrieval(
        dataset=dataset.name,
        ranker=name,
        asked=asked,
        questions=len(queries),
        ndcg=_mean([ndcg(entries, relevant, DEPTH) for entries, relevant in found]),
        recall_5=_mean([recall(entries, relevant, 5) for entries, relevant in found]),
        recall_10=_mean([recall(entries, relevant, 10) for entries, relevant in found]),
        reciprocal_rank=_mean([reciprocal_rank(entries, relevant) for entries, relevant in found]),
        p50_ms=percentile(milliseconds, 0.5),
        p95_ms=percentile(milliseconds, 0.95),
    )


def judged(query: Query, passages: Sequence[Found]) -> tuple[list[str], Mapping[str, int]]:
    """What was found in order, and what should have been: entries, or gold passages where known.

    A passage stands for the gold one whose phrase it holds, once; any other for itself.
    """
    if not query.passages:
        return list(dict.fromkeys(found.entry for found in passages)), query.relevant
    missing = dict(enumerate(query.passages))
    ranked: list[str] = []
    for place, found in enumerate(passages):
        content = " ".join(found.content.split())
        met = [
            number
            for number, gold in missing.items()
            if gold.entry == found.entry and " ".join(gold.phrase.split()) in content
        ]
        ranked += [f"gold {number}" for number in met] or [f"other {place}"]
        for number in met:
            del missing[number]
    return ranked, {f"gold {number}": 1 for number in range(len(query.passages))}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
