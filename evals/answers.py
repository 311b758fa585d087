"""Answers: whether they hold the gold answer, cite exactly, and abstain where they should."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from evals.answerers import ASSISTANT, Answerer
from evals.datasets import UNANSWERABLE, Dataset, Query
from evals.measures import contains, f1
from evals.system import Collection

DECLINED: Final = 0.8
"""The least share of the questions without an answer here that the assistant declines."""
WITHHELD: Final = 0.1
"""The largest share of those with one."""
TOGETHER: Final = "all sets"
HELD_TO: Final = frozenset({"faquad_pt", TOGETHER})
"""Where the assistant must reach both; of the other sets it is told."""


@dataclass(slots=True)
class Answers:
    """Counts over one set, of one who answers."""

    dataset: str
    by: str
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

    @property
    def declines_well(self) -> bool | None:
        """Whether the goals of declining are reached; None for whom there is none."""
        if self.by != ASSISTANT or not self.foreign or not self.asked:
            return None
        return (
            self.unanswerable_abstained >= DECLINED * self.unanswerable
            and self.foreign_abstained >= DECLINED * self.foreign
            and self.abstained <= WITHHELD * self.asked
        )

    @property
    def missed(self) -> list[str]:
        """The goals it must reach, and does not."""
        missed = [f"quotes of {self.dataset}"] if self.exact_quotes < self.quotes else []
        if self.dataset in HELD_TO and self.declines_well is False:
            missed.append(f"declining of {self.dataset}")
        return [f"{each} ({self.by})" for each in missed]

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


def together(answers: Sequence[Answers]) -> list[Answers]:
    """The counts of all sets, of each who answers."""
    sums: dict[str, Answers] = {}
    for each in answers:
        total = sums.setdefault(each.by, Answers(TOGETHER, each.by))
        for count in fields(Answers):
            if isinstance(value := getattr(each, count.name), int | float):
                setattr(total, count.name, getattr(total, count.name) + value)
    return list(sums.values())


async def measure(
    dataset: Dataset,
    collection: Collection,
    foreign: Sequence[str],
    ways: Mapping[str, Answerer],
    *,
    most: int,
) -> list[Answers]:
    """`foreign` are questions of other collections: the right answer to them is none."""
    results = []
    step = max(1, len(dataset.queries) // most)
    for name, answer_to in ways.items():
        result = Answers(dataset.name, name)
        for query in dataset.queries[::step]:
            answer = await answer_to(query.text)
            result.add(collection, query, answer)
            await result.check_quotes(collection, answer)
        for question in foreign:
            result.foreign += 1
            result.foreign_abstained += (await answer_to(question))["abstained"]
        results.append(result)
    return results
