"""Why the passages of a search are these, in this order: for whoever asks with `explain`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scores:
    """Of one passage: what each leg gave it, and what became of it."""

    lexical: float
    cosine: float | None
    fused: float
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """What a word of the question was read as.

    A word none of the passages has stands as it was written, and `idf` is None: whether other
    documents have it, or one like it, is nobody's business who may not read them.
    """

    stem: str
    certainty: float
    idf: float | None


@dataclass(frozen=True, slots=True)
class Leg:
    """How a leg looked: `exact` through everything, `candidates` or `signatures` first."""

    name: str
    way: str
    considered: int | None
    weight: float
    model: str | None = None


@dataclass(slots=True)
class Explanation:
    """Filled while the search runs. Milliseconds per step; the two legs' steps overlap."""

    terms: list[Term] = field(default_factory=list)
    legs: list[Leg] = field(default_factory=list)
    fusion: str = "score"
    milliseconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Adds what happens meanwhile to the step."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - begun) * 1000
            self.milliseconds[step] = self.milliseconds.get(step, 0.0) + spent
