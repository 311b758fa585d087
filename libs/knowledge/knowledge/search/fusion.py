"""How much the vector leg counts beside the lexical one, per embedder, and how the two are added.

By score, never by rank: reciprocal rank fusion with a weak dense leg costs up to .17 nDCG@10.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

LOCAL_PREFIX: Final = "local-"
UNMEASURED: Final = 0.25
"""Right for a weak multilingual model, safe for a strong one that has earned more."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType({})
"""Model → weight of its cosine, once `python -m evals` has measured one that deserves more."""


def dense_weight(model: str) -> float:
    """0 for the built-in embedder: it knows nothing the lexical leg does not know better."""
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
