"""How much the vector leg counts beside the lexical one, per embedder, and how the two are added.

By score, never by rank: reciprocal rank fusion with a weak dense leg costs up to .17 nDCG@10. It
stays an option, for who has an embedder that earns it.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

LOCAL_PREFIX: Final = "local-"
UNMEASURED: Final = 0.25
"""Right for a weak multilingual model, safe for a strong one that has earned more."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})
"""Model → weight of its cosine, once `python -m evals weigh` has found one that deserves more."""
RANK_CONSTANT: Final = 60
"""Of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009)."""

Fusion = Literal["score", "rrf"]


def dense_weight(model: str, configured: float | None = None) -> float:
    """As configured; else as measured; 0 for the built-in embedder, which knows nothing the
    lexical leg does not know better.
    """
    if configured is not None:
        return configured
    return 0.0 if model.startswith(LOCAL_PREFIX) else WEIGHTS.get(model, UNMEASURED)


def fuse(lexical: Sequence[float], cosines: Sequence[float | None], weight: float) -> list[float]:
    """`(1 − w) · lexical / max + w · min-max cosine`. A missing cosine counts as the worst one."""
    top = max(lexical, default=0.0) or 1.0
    present = [cosine for cosine in cosines if cosine is not None]
    if not present or weight <= 0:
        return [score / top for score in lexical]
    low, high = min(present), max(present)
    spread = (high - low) or 1.0
    return [
        (1 - weight) * score / top + weight * ((low if cosine is None else cosine) - low) / spread
        for score, cosine in zip(lexical, cosines, strict=True)
    ]


def fuse_ranks(
    lexical: Sequence[float], cosines: Sequence[float | None], weight: float
) -> list[float]:
    """`(1 − w) / (60 + rank) + w / (60 + rank)`; who is missing from a leg gets nothing of it."""
    return [
        (1 - weight) * one + weight * other
        for one, other in zip(
            _reciprocal([score if score > 0 else None for score in lexical]),
            _reciprocal(cosines),
            strict=True,
        )
    ]


def _reciprocal(scores: Sequence[float | None]) -> list[float]:
    ordered = sorted({score for score in scores if score is not None}, reverse=True)
    ranks = {score: place for place, score in enumerate(ordered, start=1)}
    return [0.0 if score is None else 1 / (RANK_CONSTANT + ranks[score]) for score in scores]
