"""`python -m evals calibrate`: when is the evidence good enough to answer?

Learns weights and threshold on the dev part of every set, in its whole collection and in small ones
cut out of it, and writes abstention.json beside the code that reads it; reports on the test part.
Questions without an answer are those a set says nobody can answer, those of other sets (foreign),
and in small collections those whose entries were left out (absent).
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from ai_svc.modules.rag import abstention
from ai_svc.modules.rag.abstention import Calibration
from ai_svc.modules.rag.evidence import Signals
from evals.answers import DECLINED, WITHHELD
from evals.cases import KINDS, WHOLE, Case, Kind, cases_of
from evals.datasets import DEV, TEST, Dataset
from evals.logistic import Fitted, Numbers, fit
from evals.system import running_system

FILE: Final = Path(abstention.__file__).parent / abstention.FILE
REPORT: Final = Path(__file__).parent / "CALIBRATION.md"
_FEWEST: Final = 50
OLD_RULE: Final = 0.5
"""Until now: the similarity of the best passage."""

_ABOUT: Final = """
# When the assistant answers, and when it declines

Learned by `python -m evals calibrate` on the dev part of the sets, reported on the test part.
Version {version}, threshold {threshold}: where, on dev, the goals are missed by least, added up
over the whole collections (at most {withheld} of the answerable withheld; at least {declined} of
the unanswerable declined, and of the foreign). A cell is the share under what was learned, then, in
brackets, under the rule before (similarity of the best passage 0.5 or more). *true* are the
answerable questions whose best passage is of an entry that answers; *absent* questions are of the
same set, their entries left out of a small collection.
"""
_CURVE: Final = """
## What another threshold would do

Whole collections, test part: withheld of the answerable, then declined of the unanswerable (where
the set has any) and of the foreign. The threshold that was learned stands in bold.
"""
_STEPS: Final = tuple(step / 100 for step in range(1, 100))
_SHOWN: Final = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
_HEADING: Final = (
    "| set | entries | answerable: answered | true: answered | unanswerable: declined"
    " | foreign: declined | absent: declined |"
)


async def calibrate(datasets: Sequence[Dataset]) -> str:
    """Measures, learns, writes both files; returns the report."""
    cases: list[Case] = []
    async with running_system() as system:
        for dataset in datasets:
            cases += await cases_of(system, dataset, datasets)
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
    facts: dict[str, object] = {
        "intercept": round(fitted.intercept, 4),
        "weights": _named(fitted),
        "threshold": _threshold([case for case in cases if case.split == DEV], fitted),
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return {"version": digest[:12], **facts}


def _threshold(dev: Sequence[Case], fitted: Fitted) -> float:
    """The lowest of those that miss the goals by least."""
    kinds = [_confidences(group, fitted) for group in _whole(dev).values()]
    return min(_STEPS, key=lambda step: round(sum(_missed(each, step) for each in kinds), 6))


def _whole(cases: Sequence[Case]) -> Mapping[str, list[Case]]:
    """By set: the cases of its whole collection."""
    found: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.size == WHOLE:
            found[case.dataset].append(case)
    return dict(sorted(found.items()))


def _confidences(cases: Sequence[Case], fitted: Fitted) -> dict[Kind, Numbers]:
    found: dict[Kind, Numbers] = {}
    for kind in KINDS:
        judged = [case for case in cases if case.kind == kind]
        if judged:
            nothing = [case for case in judged if case.signals is None]
            values = _values(judged)
            given = fitted.probability(values) if len(values) else np.zeros(0)
            found[kind] = np.concatenate([given, np.zeros(len(nothing))])
    return found


def _missed(confidences: Mapping[Kind, Numbers], threshold: float) -> float:
    """By how much the goals are missed, as shares added up."""
    missed = 0.0
    for kind, values in confidences.items():
        below = float((values < threshold).mean())
        missed += max(0.0, below - WITHHELD if kind == "answerable" else DECLINED - below)
    return missed


def _values(cases: Sequence[Case]) -> Numbers:
    return np.array([case.signals for case in cases if case.signals is not None], np.float64)


def _importance(cases: Sequence[Case]) -> Numbers:
    """Every set counts alike, in it every size of collection, in that answerable and not."""
    keys = [(case.dataset, case.size, case.kind == "answerable") for case in cases]
    counts = Counter(keys)
    sizes = Counter(dataset for dataset, _ in {(case.dataset, case.size) for case in cases})
    # A handful of questions must not weigh as much as hundreds.
    return np.array([1 / max(counts[key], _FEWEST) / sizes[key[0]] for key in keys], np.float64)


def _named(fitted: Fitted) -> dict[str, float]:
    return {
        name: round(float(weight), 4)
        for name, weight in zip(Signals._fields, fitted.weights, strict=True)
    }


def _report(cases: Sequence[Case], calibration: Calibration) -> str:
    about = _ABOUT.format(
        version=calibration.version,
        threshold=calibration.threshold,
        withheld=WITHHELD,
        declined=DECLINED,
    ).strip()
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
    table = [about, "", _HEADING, "|---|---|--:|--:|--:|--:|--:|", *lines]
    return "\n".join([*table, "", _CURVE.strip(), "", *_curve(test, calibration)])


def _curve(test: Sequence[Case], calibration: Calibration) -> list[str]:
    """The trade-off, one line per threshold."""
    groups = _whole(test)
    lines = [f"| threshold | {' | '.join(groups)} |", f"|--:|{'---|' * len(groups)}"]
    for threshold in sorted({*_SHOWN, calibration.threshold}):
        cells = [_below(group, calibration, threshold) for group in groups.values()]
        is_ours = threshold == calibration.threshold
        name = f"**{threshold:.2f}**" if is_ours else f"{threshold:.2f}"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _below(cases: Sequence[Case], calibration: Calibration, threshold: float) -> str:
    shares = []
    for kind in KINDS:
        below = [
            calibration.confidence(case.signals) < threshold for case in cases if case.kind == kind
        ]
        if below:
            shares.append(f"{sum(below) / len(below):.3f}")
    return " · ".join(shares)


def _rates(cases: Sequence[Case], calibration: Calibration, *, answered: bool) -> str:
    if not cases:
        return ""
    new = [calibration.confidence(case.signals) >= calibration.threshold for case in cases]
    old = [case.similarity >= OLD_RULE for case in cases]
    shares = [sum(rule) / len(cases) for rule in (new, old)]
    now, before = (share if answered else 1 - share for share in shares)
    return f"{now:.3f} ({before:.3f}), n {len(cases)}"
