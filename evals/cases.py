"""The questions one learns from: what was found for each, over whole collections and small ones."""

import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ai_svc.modules.rag.asking import EVIDENCE
from ai_svc.modules.rag.evidence import Signals, weigh
from evals.datasets import DEV, OWN_SETS, TEST, UNANSWERABLE, Dataset, Query, foreign_questions
from evals.system import Collection, System
from knowledge.embedders.local import LocalEmbedder
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.search import Searcher, SearchQuery

WHOLE: Final = "all"
SMALL: Final = (5, 5, 5, 20, 20)
_MOST: Final = 300
_STATISTICS: Final = StatisticsCache()
Kind = Literal["answerable", "unanswerable", "foreign", "absent"]
KINDS: Final[tuple[Kind, ...]] = ("answerable", "unanswerable", "foreign", "absent")


@dataclass(frozen=True, slots=True)
class Case:
    """One question over one collection. `right`: the best passage is of an entry that answers."""

    dataset: str
    size: str
    split: str
    kind: Kind
    signals: Signals | None
    similarity: float
    right: bool = False


async def cases_of(system: System, dataset: Dataset, all_sets: Sequence[Dataset]) -> list[Case]:
    """Every question over the whole collection; of the shared sets over small ones, too."""
    foreign = foreign_questions(dataset, all_sets)
    found = await _of_collection(system, dataset, WHOLE, dataset.queries, foreign)
    if (OWN_SETS / dataset.name).exists():
        return found
    chance = random.Random(dataset.name)
    for size in SMALL:
        part = chance.sample(list(dataset.corpus), size)
        ids = {entry.id for entry in part}
        small = Dataset(dataset.name, part, dataset.queries)
        inside = [query for query in dataset.queries if ids & query.relevant.keys()]
        outside = [query for query in dataset.queries if not ids & query.relevant.keys()]
        absent = [query.text for query in chance.sample(outside, min(150, len(outside)))]
        found += await _of_collection(system, small, str(size), inside, foreign[::3], absent)
    return found


async def _of_collection(
    system: System,
    dataset: Dataset,
    size: str,
    queries: Sequence[Query],
    foreign: Iterable[str],
    absent: Iterable[str] = (),
) -> list[Case]:
    answerable = [query for query in queries if query.kind != UNANSWERABLE]
    step = max(1, len(answerable) // _MOST)
    asked: list[tuple[Kind, Query]] = [("answerable", query) for query in answerable[::step]]
    asked += [("unanswerable", query) for query in queries if query.kind == UNANSWERABLE]
    for kind, texts in (("foreign", foreign), ("absent", absent)):
        asked += [(kind, Query(text, text, {})) for text in texts]  # type: ignore[misc]  # a Kind
    cases: list[Case] = []
    async with system.holding(dataset) as collection:
        for kind, query in asked:
            signals, similarity, entry = await _evidence(system, collection, query.text)
            right = kind == "answerable" and entry in query.relevant
            cases.append(
                Case(dataset.name, size, _split(dataset, query), kind, signals, similarity, right)
            )
    return cases


async def _evidence(
    system: System, collection: Collection, question: str
) -> tuple[Signals | None, float, str | None]:
    """As ai-svc judges it; the best passage's similarity and entry."""
    searcher = Searcher(
        database=system.ingestion.database, statistics=_STATISTICS, embedder=LocalEmbedder()
    )
    found = await searcher.find(collection.asker, SearchQuery(question, EVIDENCE))
    evidence = weigh(question, found.question, found.passages)
    if not found.passages:
        return None, 0.0, None
    best = found.passages[0]
    return evidence.signals, best.similarity, collection.entry_of.get(str(best.document_id))


def _split(dataset: Dataset, query: Query) -> str:
    """Our own sets say it; of the others every second question."""
    own = (OWN_SETS / dataset.name).exists() and bool(query.relevant)
    if own or query.kind == UNANSWERABLE:
        return query.split
    return DEV if zlib.crc32(query.text.encode()) % 2 else TEST
