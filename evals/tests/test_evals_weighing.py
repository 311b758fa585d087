"""Which weight of the vector leg the sets ask for."""

from typing import Any

import numpy as np
from evals.weighing import WEIGHTS, Remembering, best


def test_smallest_weight_that_is_as_good_wins() -> None:
    rising = {weight: 0.9 + min(weight, 0.3) / 10 for weight in WEIGHTS}
    level = dict.fromkeys(WEIGHTS, 0.8)

    assert best({"one": rising}) == 0.3
    assert best({"one": level}) == 0
    # Over both sets the differences are half as large.
    assert best({"one": rising, "other": level}) == 0.3


def test_vectors_that_harm_weigh_nothing() -> None:
    assert best({"one": {weight: 0.9 - weight for weight in WEIGHTS}}) == 0


class Model:
    """Counts what it is asked."""

    model = "m"
    dimensions = 2
    asked = 0

    async def embed_query(self, _text: str, **_: Any) -> Any:
        """A vector."""
        self.asked += 1
        return np.ones(2)


async def test_question_is_embedded_once() -> None:
    model: Any = Model()
    embedder = Remembering(model)

    first = await embedder.embed_query("férias")
    second = await embedder.embed_query("férias")

    assert model.asked == 1
    assert first is second
    assert embedder.model == "m"
