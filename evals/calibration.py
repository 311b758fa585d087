"""`python -m evals calibrate`: when is the evidence good enough to answer?

Learns on the dev part of every set, in its whole collection and in small ones cut out of it, and
writes abstention.json beside the code that reads it; reports on the test part. Questions without an
answer are those a set says nobody can answer, those of other sets (foreign), and in small
collections those whose entries were left out (absent).
"""

import hashlib
import json
import random
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ai_svc.modules.rag import abstention
from ai_svc.modules.rag.abstention import Calibration
from ai_svc.modules.rag.asking import EVIDENCE
from ai_svc.modules.rag.evidence import Signals, weigh
from evals.datasets import DEV, OWN_SETS, TEST, UNANSWERABLE, Dataset, Query, foreign_questions
from evals.logistic import Fitted, Numbers, fit, quantile
from evals.system import Collection, System, running_system
from knowledge.embedders.local import LocalEmbedder
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.search import Searcher, SearchQuery
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Role, permissions_of

FILE: Final = Path(abstention.__file__).parent / abstention.FILE
REPORT: Final = Path(__file__).parent / "CALIBRATION.md"
LOST: Final = 0.01
"""The share of the true answers the rule before has given on dev that may be withheld."""
SMALL: Final = (5, 5, 5, 20, 20)
_MOST: Final = 300
_FEWEST: Final = 50
OLD_RULE: Final = 0.5
"""Until now: the similarity of the best passage."""

_STATISTICS: Final = StatisticsCache()
_ABOUT: Final = """
# When the assistant answers, and when it declines

Learned by `python -m evals calibrate` on the dev part of the sets, reported on the test part.
Version {version}: of the true answers that the rule before gives on dev {lost} may be withheld. A
cell is the share under what was learned, then, in brackets, under the rule before (similarity of
the best passage 0.5 or more). *true* are the answerable questions whose best passage is of an entry
that answers; *absent* questions are of the same set, their entries left out of a small collection.
"""
_HEADING: Final = (
    "| set | entries | answerable: answered | true: answered | unanswerable: declined"
    " | foreign: declined | absent: declined |"
)
Kind = Literal["answerable", "unanswerable", "foreign", "absent"]


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


async def calibrate(datasets: Sequence[Dataset]) -> str:
    """Measures, learns, writes both files; returns the report."""
    cases: list[Case] = []
    async with running_system() as system:
        for dataset in datasets:
            cases += await _cases(system, dataset, datasets)
    learned = learn(cases)
    text = json.dumps(learned, indent=2) + "\n"
    FILE.write_text(text, encoding="utf-8")
    report = _report(cases, Calibration.parse(text))
    REPORT.write_text(report + "\n", encoding="utf-8")
    return report


def learn(cases: Sequence[Case]) -> dict[str, object]:
    """What abstention.json holds."""
    dev = [case for case in cases if case.split == DEV and case.signals is not None]
    labels = np.array([case.kind == "answerable" for case in dev], dtype=np.float64)
    fitted = fit(_values(dev), labels, _importance(dev))
    true = [case for case in dev if case.right and case.similarity >= OLD_RULE]
    threshold = quantile(fitted.probability(_values(true)), LOST)
    facts = {
        "intercept": round(fitted.intercept, 4),
        "weights": _named(fitted),
        "threshold": round(threshold, 4),
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return {"version": digest[:12], **facts}


async def _cases(system: System, dataset: Dataset, all_sets: Sequence[Dataset]) -> list[Case]:
    foreign = foreign_questions(dataset, all_sets)
    found = await _of_collection(system, dataset, "all", dataset.queries, foreign)
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
    roles = frozenset({Role.ADMIN})
    actor = Actor(
        OrganizationId(collection.organization_id),
        UserId(collection.organization_id),
        roles,
        "evals",
        permissions_of(roles),
    )
    searcher = Searcher(
        database=system.ingestion.database, statistics=_STATISTICS, embedder=LocalEmbedder()
    )
    found = await searcher.find(actor, SearchQuery(question, EVIDENCE))
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


def _values(cases: Sequence[Case]) -> Numbers:
    return np.array([case.signals for case in cases if case.signals is not None], np.float64)


def _importance(cases: Sequence[Case]) -> Numbers:
    """Every set counts alike, in it every size of collection, in that answerable and not."""
    keys = [(case.dataset, case.size, case.kind == "answerable") for case in cases]
    sizes = Counter(keys)
    # A handful of questions must not weigh as much as hundreds.
    return np.array([1 / max(sizes[key], _FEWEST) for key in keys], np.float64)


def _named(fitted: Fitted) -> dict[str, float]:
    return {
        name: round(float(weight), 4)
        for name, weight in zip(Signals._fields, fitted.weights, strict=True)
    }


def _report(cases: Sequence[Case], calibration: Calibration) -> str:
    about = _ABOUT.format(version=calibration.version, lost=f"{LOST:.0%}").strip()
    lines: list[str] = []
    test = [case for case in cases if case.split == TEST]
    for dataset, size in sorted({(case.dataset, case.size) for case in test}):
        here = [case for case in test if (case.dataset, case.size) == (dataset, size)]
        answerable = [case for case in here if case.kind == "answerable"]
        cells = [
            _rates(answerable, calibration, answered=True),
            _rates([case for case in answerable if case.right], calibration, answered=True),
        ]
        for kind in ("unanswerable", "foreign", "absent"):
            declined = [case for case in here if case.kind == kind]
            cells.append(_rates(declined, calibration, answered=False))
        lines.append(f"| {dataset} | {size} | {' | '.join(cells)} |")
    return "\n".join([about, "", _HEADING, "|---|---|--:|--:|--:|--:|--:|", *lines])


def _rates(cases: Sequence[Case], calibration: Calibration, *, answered: bool) -> str:
    if not cases:
        return ""
    new = [calibration.confidence(case.signals) >= calibration.threshold for case in cases]
    old = [case.similarity >= OLD_RULE for case in cases]
    shares = [sum(rule) / len(cases) for rule in (new, old)]
    now, before = (share if answered else 1 - share for share in shares)
    return f"{now:.3f} ({before:.3f}), n {len(cases)}"
