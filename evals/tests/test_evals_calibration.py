"""What is learned separates what can be separated, and withholds no more than it may."""

import json
import math
import random

import numpy as np
import pytest
from evals.calibration import LOST, Case, Kind, learn
from evals.datasets import DEV, TEST
from evals.logistic import fit, quantile

from ai_svc.modules.rag.abstention import Calibration
from ai_svc.modules.rag.evidence import Signals


def case(coverage: float, *, right: bool, similarity: float = 0.9, split: str = DEV) -> Case:
    share = math.log(coverage)
    signals = Signals(share, share, math.log1p(3), 0.5, coverage, 1 - coverage)
    kind: Kind = "answerable" if right else "foreign"
    return Case("set", "all", split, kind, signals, similarity, right)


def test_regression_finds_the_odds() -> None:
    values = np.array([[0.0]] * 100 + [[1.0]] * 100)
    labels = np.array([1.0] * 20 + [0.0] * 80 + [1.0] * 80 + [0.0] * 20)

    fitted = fit(values, labels, np.ones(200))

    low, high = fitted.probability(np.array([[0.0], [1.0]]))
    assert (low, high) == pytest.approx((0.2, 0.8), abs=0.01)


def test_regression_weighs_by_importance() -> None:
    values, labels = np.array([[0.0], [1.0], [1.0]]), np.array([0.0, 0.0, 1.0])

    (chance,) = fit(values, labels, np.array([1.0, 1.0, 9.0])).probability(np.array([[1.0]]))

    assert chance == pytest.approx(0.9, abs=0.02)


def test_quantile_is_reached_by_all_but_the_share() -> None:
    values = np.arange(1000, dtype=np.float64)

    assert (values < quantile(values, 0.01)).mean() == pytest.approx(0.01)


def test_threshold_withholds_no_more_true_answers_than_it_may() -> None:
    chance = random.Random(1)
    true = [case(chance.uniform(0.4, 1.0), right=True) for _ in range(1000)]
    false = [case(chance.uniform(0.05, 0.5), right=False) for _ in range(1000)]
    # What the rule before declined, and what is for the report only, sets no threshold.
    others = [case(0.05, right=True, similarity=0.1), case(0.01, right=True, split=TEST)]

    learned = learn([*true, *false, *others])

    calibration = Calibration.parse(json.dumps(learned))
    kept = [calibration.confidence(each.signals) >= calibration.threshold for each in true]
    declined = [calibration.confidence(each.signals) < calibration.threshold for each in false]
    assert sum(kept) / len(kept) == pytest.approx(1 - LOST, abs=0.003)
    assert sum(declined) / len(declined) > 0.75
    assert learn([*true, *false, *others])["version"] == learned["version"]
