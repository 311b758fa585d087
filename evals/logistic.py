"""Logistic regression by Newton's method."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_RIDGE: Final = 1e-4
_MOST_STEPS: Final = 100
_SETTLED: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Fitted:
    """`logit = intercept + values @ weights`."""

    intercept: float
    weights: Numbers

    def probability(self, values: Numbers) -> Numbers:
        """Of the label, per row."""
        found: Numbers = 1 / (1 + np.exp(-(self.intercept + values @ self.weights)))
        return found


def fit(values: Numbers, labels: Numbers, importance: Numbers) -> Fitted:
    """Standardised inside, so that the ridge treats every column alike."""
    mean, spread = values.mean(axis=0), values.std(axis=0) + 1e-12
    rows = np.column_stack([(values - mean) / spread, np.ones(len(values))])
    share = importance / importance.sum()
    ridge = np.full(rows.shape[1], _RIDGE)
    ridge[-1] = 0.0
    found = np.zeros(rows.shape[1])
    for _ in range(_MOST_STEPS):
        chance = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (share * (chance - labels)) + ridge * found
        curve = (rows * (share * chance * (1 - chance))[:, None]).T @ rows + np.diag(ridge + 1e-12)
        step = np.linalg.solve(curve, slope)
        found -= step
        if np.abs(step).max() < _SETTLED:
            break
    weights = found[:-1] / spread
    return Fitted(float(found[-1] - weights @ mean), weights)
