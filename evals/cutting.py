"""`python -m evals.cutting`: what each way of cutting does for search, on our own sets over HTTP.

Long chunks are found more easily and hold more that nobody asked for. So beside nDCG@10 and
Recall@5 there is the share of questions whose gold phrase is within the first 1,500 tokens of what
was found: what a model is given to answer from.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from evals.baselines import PASSAGES, Found
from evals.datasets import DEV, TEST, Dataset, Query, data_folder, load_own, own_available
from evals.measures import ndcg, recall
from evals.retrieval import judged
from evals.system import Collection, System, running_system
from knowledge.chunking import count_tokens
from knowledge.models import Chunking

RESULTS: Final = Path(__file__).parent / "CUTTING.md"
BUDGET: Final = 1_500
WAYS: Final = {
    "leis_pt": (Chunking.SEMANTIC, Chunking.HEADING, Chunking.FIXED, Chunking.LAW, Chunking.AUTO),
    "servicos_pt": (
        Chunking.SEMANTIC,
        Chunking.HEADING,
        Chunking.FIXED,
        Chunking.QA,
        Chunking.AUTO,
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One set, cut in one way, asked one half of its questions."""

    dataset: str
    chunking: Chunking
    split: str
    questions: int
    ndcg: float
    recall_5: float
    within_budget: float


async def measure() -> list[Row]:
    """Every own set in every way of WAYS."""
    data = data_folder(None)
    rows: list[Row] = []
    async with running_system() as system:
        for name in own_available(data):
            dataset = load_own(name, data)
            for chunking in WAYS[name]:
                print(f"{name} {chunking} …", file=sys.stderr, flush=True)
                rows += await _measure(system, dataset, chunking)
    return rows


async def _measure(system: System, dataset: Dataset, chunking: Chunking) -> list[Row]:
    judgements: dict[str, list[tuple[float, float, float]]] = {DEV: [], TEST: []}
    async with system.holding(dataset, chunking) as collection:
        for query in dataset.queries:
            if query.passages:
                passages = await collection.search(query.text, PASSAGES)
                judgements[query.split].append(_judge(query, passages, collection))
    return [
        Row(
            dataset.name,
            chunking,
            split,
            len(each),
            *(fmean(one) for one in zip(*each, strict=True)),
        )
        for split, each in judgements.items()
    ]


def _judge(
    query: Query, passages: Sequence[dict[str, Any]], collection: Collection
) -> tuple[float, float, float]:
    found = [Found(collection.entry_of[each["document_id"]], each["content"]) for each in passages]
    ranked, relevant = judged(query, found)
    held, _ = judged(query, list(_within(found)))
    return (
        ndcg(ranked, relevant),
        recall(ranked, relevant, 5),
        float(any(each in relevant for each in held)),
    )


def _within(found: Sequence[Found]) -> list[Found]:
    """As many as fit into the budget, the first in any case."""
    kept: list[Found] = []
    tokens = 0
    for each in found:
        tokens += count_tokens(each.content)
        if kept and tokens > BUDGET:
            break
        kept.append(each)
    return kept


def table(rows: Sequence[Row]) -> str:
    """In Markdown."""
    lines = [
        "| set | chunking | split | questions | nDCG@10 | Recall@5 | within 1,500 tokens |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {row.dataset} | {row.chunking} | {row.split} | {row.questions} | {row.ndcg:.3f} "
        f"| {row.recall_5:.3f} | {row.within_budget:.3f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> int:
    """Measures, prints, writes CUTTING.md."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    measured = table(asyncio.run(measure()))
    print(measured)
    about = (__doc__ or "").partition(": ")[2].strip()
    RESULTS.write_text(
        f"# Ways of cutting\n\n{measured}\n\n{about[0].upper()}{about[1:]}\n", "utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
