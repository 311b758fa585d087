"""The question's half of the score: every term with its idf, typing mistakes forgiven."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Final, NamedTuple

import numpy as np
from pgvector import SparseVector

from knowledge.lexical.analyzer import (
    Terms,
    Word,
    analyze_word,
    detect_language,
    pair,
    stem_term,
    words,
)
from knowledge.lexical.statistics import Statistics
from knowledge.lexical.vector import sparse
from knowledge.models import Language

GRAM_WEIGHT: Final = 0.5
BIGRAM_WEIGHT: Final = 0.8
BIGRAM_IDF: Final = 0.7
"""A bigram's idf is estimated as .7 · (idf a + idf b): no table of bigrams is kept."""
NEIGHBOUR_WEIGHT: Final = 0.8
"""What a near spelling counts against the word itself."""
LONGEST_QUESTION: Final = 400
"""Words; what comes after them is not looked for."""


class Reading(NamedTuple):
    """A stem a word may stand for. `certainty` is 1 unless it was guessed from a misspelling."""

    stem: str
    term: int
    certainty: float
    idf: float
    frequency: int

    @property
    def weight(self) -> float:
        """The stem's part of the score, before saturation."""
        return self.certainty * self.idf


@dataclass(frozen=True, slots=True)
class Question:
    """`ideal` is the score of an imaginary chunk of average length with every term once."""

    vector: SparseVector
    ideal: float
    stems: dict[str, int]  # stem → document frequency, of those the vocabulary knows
    words: tuple[tuple[Reading, ...], ...] = ()  # per telling word what it may stand for
    misspelt: dict[str, tuple[str, ...]] = field(default_factory=dict)  # word → stems close to it

    @property
    def empty(self) -> bool:
        """Nothing in it can be looked for."""
        return self.ideal <= 0


class _Word(NamedTuple):
    """A word of the question: its 4-grams, and what it may stand for (nothing for a stop word)."""

    written: str  # folded
    grams: Terms
    readings: list[Reading]

    @property
    def misspelt(self) -> bool:
        """Unknown, but close to something known."""
        return bool(self.readings) and self.readings[0].certainty < 1


def understand(text: str, statistics: Statistics) -> Question:
    """The vector of a question within one organization."""
    languages = _languages(text)
    found = [_read(word, languages, statistics) for word in words(text)[:LONGEST_QUESTION]]
    stems = [word.readings for word in found if word.readings]
    weights: dict[int, float] = defaultdict(float)
    ideal = _add_stems(stems, weights) + _add_bigrams(stems, weights)
    ideal += sum(_add_grams(word, statistics, weights) for word in found)
    if not stems:
        ideal = 0.0  # stop words only: their 4-grams would find something, and mean nothing
    terms = np.fromiter(weights, dtype=np.int32, count=len(weights))
    return Question(
        vector=sparse(terms, np.fromiter(weights.values(), np.float32, len(weights))),
        ideal=ideal,
        stems={r.stem: r.frequency for readings in stems for r in readings if r.frequency},
        words=tuple(tuple(readings) for readings in stems),
        misspelt={
            word.written: tuple(reading.stem for reading in word.readings)
            for word in found
            if word.misspelt
        },
    )


def unknown_stems(text: str, statistics: Statistics) -> list[str]:
    """Stems of the words no document had at the time of the statistics, in either language."""
    languages = _languages(text)
    unknown: dict[str, None] = {}
    for word in words(text)[:LONGEST_QUESTION]:
        stems = [each.stem for each in _analyzed(word, languages) if each.stem is not None]
        terms = np.array([stem_term(stem) for stem in stems], dtype=np.int32)
        if stems and not statistics.frequency(terms).any():
            unknown |= dict.fromkeys(stems)
    return list(unknown)


def written_stems(text: str) -> list[str]:
    """The stem of each telling word as it was written, in the order of `Question.words`."""
    languages = _languages(text)
    return [
        stems[0]
        for word in words(text)[:LONGEST_QUESTION]
        if (stems := [each.stem for each in _analyzed(word, languages) if each.stem is not None])
    ]


def _languages(text: str) -> list[Language]:
    """The question's own first."""
    mine = detect_language(text)
    return sorted(Language, key=lambda each: each is not mine)


def _analyzed(word: str, languages: Sequence[Language]) -> list[Word]:
    return [analyze_word(word, language) for language in languages]


def _read(word: str, languages: Sequence[Language], statistics: Statistics) -> _Word:
    """Stemmed by the question's language and by the other one, since documents of both lie
    together; when neither stem is known, its neighbours; when there are none, as it is.
    """
    analyzed = _analyzed(word, languages)
    grams = np.frombuffer(analyzed[0].gram_terms, dtype=np.int32)
    stems = list(dict.fromkeys(each.stem for each in analyzed if each.stem is not None))
    if not stems:
        return _Word(word, grams, [])
    as_written = _readings(stems, 1.0, statistics)
    known = [reading for reading in as_written if reading.frequency]
    if known:
        return _Word(word, grams, known)
    near = statistics.vocabulary.nearest(stems[0])
    guessed = _readings(near, NEIGHBOUR_WEIGHT / max(1, len(near)) ** 0.5, statistics)
    return _Word(word, grams, guessed or as_written[:1])


def _readings(stems: Sequence[str], certainty: float, statistics: Statistics) -> list[Reading]:
    terms = np.array([stem_term(stem) for stem in stems], dtype=np.int32)
    facts = zip(
        stems, terms.tolist(), statistics.idf(terms), statistics.frequency(terms), strict=True
    )
    return [Reading(stem, term, certainty, float(idf), int(df)) for stem, term, idf, df in facts]


def _add_stems(words_read: Sequence[list[Reading]], weights: dict[int, float]) -> float:
    for readings in words_read:
        for reading in readings:
            weights[reading.term] += reading.weight
    return sum(max(reading.weight for reading in readings) for readings in words_read)


def _add_bigrams(words_read: Sequence[list[Reading]], weights: dict[int, float]) -> float:
    ideal = 0.0
    for left, right in pairwise(words_read):
        best = 0.0
        for first, second in product(left, right):
            certainty = first.certainty * second.certainty
            weight = BIGRAM_WEIGHT * BIGRAM_IDF * certainty * (first.idf + second.idf)
            weights[_bigram(first.term, second.term)] += weight
            best = max(best, weight)
        ideal += best
    return ideal


def _add_grams(word: _Word, statistics: Statistics, weights: dict[int, float]) -> float:
    gram_weights = GRAM_WEIGHT * statistics.idf(word.grams)
    for term, weight in zip(word.grams.tolist(), gram_weights.tolist(), strict=True):
        weights[term] += weight
    if word.misspelt:  # the mistake's own 4-grams must not count as something nobody wrote about
        gram_weights = gram_weights[statistics.frequency(word.grams) > 0]
    return float(gram_weights.sum())


def _bigram(first: int, second: int) -> int:
    return int(pair(np.array([first], np.int32), np.array([second], np.int32))[0])
