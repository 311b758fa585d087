"""Whether the evidence is good enough to answer: learned from questions with and without an answer.

`python -m evals calibrate` fits a logistic regression on the dev part of its question sets, chooses
the threshold that keeps the wanted share of the true answers there, and writes abstention.json.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Self

from ai_svc.modules.rag.evidence import Signals

FILE: Final = "abstention.json"
_STEEPEST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """`threshold` is the least confidence of an answer. `version` changes with what was learned."""

    version: str
    intercept: float
    weights: Mapping[str, float]
    threshold: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what the evals write; a signal without a weight, or the other way, is a KeyError."""
        said = json.loads(text)
        weights = {name: float(said["weights"][name]) for name in Signals._fields}
        return cls(said["version"], said["intercept"], weights, said["threshold"])

    def confidence(self, signals: Signals | None) -> float:
        """How likely the evidence holds the answer, 0 to 1."""
        if signals is None:
            return 0.0
        said = signals._asdict()
        logit = self.intercept + sum(self.weights[name] * said[name] for name in self.weights)
        return 1 / (1 + math.exp(-max(-_STEEPEST, min(_STEEPEST, logit))))


@cache
def learned() -> Calibration:
    """What is committed beside this module."""
    return Calibration.parse((files(__package__) / FILE).read_text(encoding="utf-8"))
