"""`python -m evals weigh`: how much the configured embedder's vectors deserve to count in ranking.

Needs EMBEDDING_PROVIDER, EMBEDDING_MODEL and the provider's key: every entry and question of the
sets is embedded once. The weight with the best mean nDCG@10 over the sets is what EMBEDDING_WEIGHT
should be; the smallest of those that are as good, since words explain themselves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from evals.datasets import Dataset
from evals.measures import ndcg
from evals.system import Collection, System, running_system
from knowledge.embedders import Embedder, Idf, Vector, Vectors
from knowledge.embedders.configured import open_embedder
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.recipients import Recipient
from knowledge.reembedding import Reembedding
from knowledge.search import Searcher, SearchQuery
from knowledge.settings import EmbeddingSettings

WEIGHTS: Final = tuple(step / 20 for step in range(17))
"""0 to 0.8."""
MOST_ASKED: Final = 300
_PASSAGES: Final = 30
_ALL: Final = timedelta(hours=4)
_AS_GOOD: Final = 0.001
"""nDCG@10 below which a difference is noise."""


@dataclass(slots=True)
class Remembering:
    """An embedder that is asked for a question once, whatever number of weights is tried."""

    asked: Embedder
    known: dict[str, Vector] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model's own name."""
        return self.asked.model

    @property
    def recipient(self) -> Recipient | None:
        """As the model's."""
        return self.asked.recipient

    @property
    def dimensions(self) -> int:
        """As the model's."""
        return self.asked.dimensions

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Passages come once anyhow."""
        return await self.asked.embed(texts)

    async def embed_query(self, text: str, *, idf: Idf | None = None) -> Vector:
        """From memory, the second time."""
        if text not in self.known:
            self.known[text] = await self.asked.embed_query(text, idf=idf)
        return self.known[text]

    async def close(self) -> None:
        """Whoever opened the model closes it."""


async def weigh(datasets: Sequence[Dataset]) -> str:
    """A table of nDCG@10 by weight and set, and the weight to be configured."""
    found: dict[str, dict[float, float]] = {}
    async with open_embedder(EmbeddingSettings()) as model, running_system() as system:
        for dataset in datasets:
            async with system.holding(dataset) as collection:
                embedder = Remembering(model)
                await Reembedding(system.ingestion.database, embedder).run(_ALL)
                found[dataset.name] = {
                    weight: await _ndcg(system, collection, dataset, embedder, weight)
                    for weight in WEIGHTS
                }
    return f"{_table(found)}\n\nEMBEDDING_WEIGHT={best(found):g} for {model.model}"


def best(found: Mapping[str, Mapping[float, float]]) -> float:
    """The smallest weight whose mean over the sets is as good as the best."""
    means = {weight: sum(of[weight] for of in found.values()) / len(found) for weight in WEIGHTS}
    highest = max(means.values())
    return min(weight for weight, mean in means.items() if mean >= highest - _AS_GOOD)


async def _ndcg(
    system: System, collection: Collection, dataset: Dataset, embedder: Embedder, weight: float
) -> float:
    searcher = Searcher(
        database=system.ingestion.database,
        statistics=StatisticsCache(),
        embedder=embedder,
        weight=weight,
    )
    step = max(1, len(dataset.queries) // MOST_ASKED)
    gains = []
    for query in dataset.queries[::step]:
        found = await searcher.find(collection.asker, SearchQuery(query.text, _PASSAGES))
        ids = dict.fromkeys(str(passage.document_id) for passage in found.passages)
        gains.append(ndcg([collection.entry_of[each] for each in ids], query.relevant))
    return sum(gains) / len(gains)


def _table(found: Mapping[str, Mapping[float, float]]) -> str:
    lines = [
        f"| weight | {' | '.join(found)} |",
        f"|--:|{'--:|' * len(found)}",
    ]
    for weight in WEIGHTS:
        cells = " | ".join(f"{of[weight]:.4f}" for of in found.values())
        lines.append(f"| {weight:.2f} | {cells} |")
    return "\n".join(lines)
