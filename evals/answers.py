"""Answers: whether they hold the gold answer, cite exactly, and abstain where they should."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.datasets import UNANSWERABLE, Dataset, Query
from evals.measures import contains, f1
from evals.system import Collection


@dataclass(slots=True)
class Answers:
    """Counts over one set."""

    dataset: str
    asked: int = 0  # that have an answer
    abstained: int = 0
    cited_right: int = 0  # with a quote of an entry that answers
    unanswerable: int = 0
    unanswerable_abstained: int = 0
    held_gold: int = 0
    with_gold: int = 0
    f1: float = 0.0
    quotes: int = 0
    exact_quotes: int = 0
    foreign: int = 0
    foreign_abstained: int = 0
    _contents: dict[str, str] = field(default_factory=dict)

    def add(self, collection: Collection, query: Query, answer: dict[str, Any]) -> None:
        """Counts one answer."""
        if query.kind == UNANSWERABLE:
            self.unanswerable += 1
            self.unanswerable_abstained += answer["abstained"]
            return
        self.asked += 1
        self.abstained += answer["abstained"]
        cited = {collection.entry_of[source["document_id"]] for source in answer["sources"]}
        self.cited_right += bool(cited & query.relevant.keys())
        if query.answers:
            self.with_gold += 1
            self.held_gold += contains(answer["answer"], query.answers)
            self.f1 += f1(answer["answer"], query.answers)

    async def check_quotes(self, collection: Collection, answer: dict[str, Any]) -> None:
        """Every quote against the document's content."""
        for source in answer["sources"]:
            document_id = source["document_id"]
            if document_id not in self._contents:
                self._contents[document_id] = await collection.content(document_id)
            content = self._contents[document_id]
            quoted = content[source["char_start"] : source["char_end"]]
            self.quotes += 1
            # Byte for byte: equal strings of code points are equal in UTF-8.
            self.exact_quotes += quoted == source["quote"]


async def measure(
    dataset: Dataset, collection: Collection, foreign: Sequence[str], *, most: int
) -> Answers:
    """`foreign` are questions of other collections: the right answer to them is none."""
    result = Answers(dataset.name)
    step = max(1, len(dataset.queries) // most)
    for query in dataset.queries[::step]:
        answer = await collection.ask(query.text)
        result.add(collection, query, answer)
        await result.check_quotes(collection, answer)
    for question in foreign:
        result.foreign += 1
        result.foreign_abstained += (await collection.ask(question))["abstained"]
    return result
