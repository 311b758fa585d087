"""How much of a question is in something that is remembered: shared stems, without a model."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from knowledge.lexical.analyzer import analyze_word, words
from knowledge.models import Language

T = TypeVar("T")
_LEAST: Final = 0.5
"""Of the question's stems: with fewer it is about something else."""


def stems_of(text: str) -> frozenset[str]:
    """What it is about."""
    found = (analyze_word(word, Language.PORTUGUESE).stem for word in words(text))
    return frozenset(stem for stem in found if stem is not None)


def best_of(
    question: str, remembered: Sequence[T], read: Callable[[T], str], *, most: int, all_of: bool
) -> list[T]:
    """The likest first, then in the order given; with `all_of` also what shares nothing."""
    asked = stems_of(question)
    shares = [len(asked & stems_of(read(each))) / max(len(asked), 1) for each in remembered]
    ranked = sorted(range(len(remembered)), key=lambda at: shares[at], reverse=True)
    return [remembered[at] for at in ranked[:most] if all_of or shares[at] >= _LEAST]
