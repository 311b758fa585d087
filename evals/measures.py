"""The measures: of rankings, of times, and of how much of a gold answer an answer holds."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from knowledge.lexical import fold


def ndcg(ranked: Sequence[str], relevant: Mapping[str, int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain, gains 2^relevance − 1 (Järvelin and Kekäläinen)."""
    ideal = _gain(sorted(relevant.values(), reverse=True)[:depth])
    return _gain([relevant.get(entry, 0) for entry in ranked[:depth]]) / ideal if ideal else 0.0


def _gain(gains: Sequence[int]) -> float:
    return sum(float(2**gain - 1) / math.log2(place + 2) for place, gain in enumerate(gains))


def recall(ranked: Sequence[str], relevant: Mapping[str, int], depth: int) -> float:
    """The share of the relevant entries among the first `depth`."""
    return len(relevant.keys() & set(ranked[:depth])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], relevant: Mapping[str, int]) -> float:
    """One over the place of the first relevant entry; 0 without one."""
    return next((1 / place for place, entry in enumerate(ranked, 1) if entry in relevant), 0.0)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def contains(answer: str, golds: Sequence[str]) -> bool:
    """Whether the answer holds one of the gold answers, case, accents and blanks aside."""
    plain = _plain(answer)
    return any(_plain(gold) in plain for gold in golds)


def f1(answer: str, golds: Sequence[str]) -> float:
    """The best harmonic mean of word precision and recall against a gold answer (SQuAD)."""
    return max((_f1(_plain(answer).split(), _plain(gold).split()) for gold in golds), default=0.0)


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    shared = sum((Counter(answer) & Counter(gold)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(answer), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


def _plain(text: str) -> str:
    without_marks = re.sub(r"\[\d+\]", " ", text)
    return " ".join(re.findall(r"\w+", fold(without_marks)))
