"""How well short texts meet one question: the score LEX would give them, without their vectors.

A passage has dozens of sentences, and of the terms of each a question has a few. Those are counted.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from pgvector import SparseVector

from knowledge.lexical.analyzer import (
    FIRST_BIGRAM,
    FIRST_GRAM,
    analyze_word,
    language_of,
    pair,
    words,
)
from knowledge.lexical.vector import (
    AVERAGE_BIGRAMS,
    AVERAGE_GRAMS,
    AVERAGE_STEMS,
    rounded,
    saturated,
)
from knowledge.models import Language

_WEIGHTS_KEPT: Final = 2**13


class Met(NamedTuple):
    """The inner product of the question and a text, and the text's hashed stems."""

    score: float
    stems: frozenset[int]


class _Read(NamedTuple):
    """A word of a text; `asked` are those of its terms the question has, too."""

    stem_term: int  # -1: a stop word
    gram_count: int
    asked: tuple[int, ...]


class Meeting:
    """One question, and the words it has met so far. For one thread."""

    def __init__(self, question: SparseVector) -> None:
        self._weights = dict(zip(question.indices(), question.values(), strict=True))
        self._asks_bigrams = any(term >= FIRST_BIGRAM for term in self._weights)
        self._read: dict[Language, dict[str, _Read]] = {language: {} for language in Language}

    def of(self, text: str) -> Met:
        """The same numbers as with `document_vector(analyze(text, detect_language(text)))`."""
        written = words(text)
        language = language_of(text, written)
        known = self._read[language]
        found = [known.get(word) or self._learn(word, language) for word in written]
        stems = [word.stem_term for word in found if word.stem_term >= 0]
        counts: dict[int, int] = {}
        for term in chain(*[word.asked for word in found if word.asked], self._bigrams(stems)):
            counts[term] = counts.get(term, 0) + 1
        score = 0.0
        if counts:
            grams = sum(word.gram_count for word in found)
            for term in sorted(counts):  # as in a vector: sums of floats depend on the order
                score += self._weights[term] * _weight_of(term, counts[term], len(stems), grams)
        return Met(score, frozenset(stems))

    def _learn(self, word: str, language: Language) -> _Read:
        analyzed = analyze_word(word, language)
        grams = memoryview(analyzed.gram_terms).cast("i").tolist()
        asked = tuple([term for term in (analyzed.stem_term, *grams) if term in self._weights])
        self._read[language][word] = read = _Read(analyzed.stem_term, len(grams), asked)
        return read

    def _bigrams(self, stems: Sequence[int]) -> list[int]:
        """Of neighbours, those the question has, too."""
        if not self._asks_bigrams or len(stems) < 2:
            return []
        terms = np.array(stems, dtype=np.int32)
        return [term for term in pair(terms[:-1], terms[1:]).tolist() if term in self._weights]


def _weight_of(term: int, count: int, stems: int, grams: int) -> float:
    """Of a term that is there `count` times, in a text of so many stems and 4-grams."""
    if term < FIRST_GRAM:
        return _weight(count, stems, AVERAGE_STEMS)
    if term < FIRST_BIGRAM:
        return _weight(count, grams, AVERAGE_GRAMS)
    return _weight(count, stems - 1, AVERAGE_BIGRAMS)


@lru_cache(maxsize=_WEIGHTS_KEPT)
def _weight(count: int, length: int, average: int) -> float:
    return float(rounded(saturated(np.array([count]), length, average))[0])
