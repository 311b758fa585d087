"""From text to hashed terms: fold accents, split words, drop stop words, stem, cut 4-grams."""

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import Stemmer
from numpy.typing import NDArray

from knowledge.lexical.stop_words import ENGLISH, PORTUGUESE, STOP_WORDS
from knowledge.models import Language

Terms = NDArray[np.int32]
"""Hashed terms, in reading order and with repetitions."""

STEM_SPACE: Final = 2**24
GRAM_SPACE: Final = 2**24
BIGRAM_SPACE: Final = 2**25
FIRST_GRAM: Final = STEM_SPACE
FIRST_BIGRAM: Final = STEM_SPACE + GRAM_SPACE
"""Stems, 4-grams and stem bigrams hash into neighbouring ranges that fill 2**26 together, so the
kind of a term can be told from its number: statistics keep the first two kinds only."""

GRAM: Final = 4
LONGEST_WORD: Final = 64
"""Longer runs of letters are data (base64, hashes), and nobody asks for their tail."""

_MARKS: Final = re.compile("[\u0300-\u036f]+")
_WORDS: Final = re.compile(r"[^\W_]+")
_ENOUGH_FOR_LANGUAGE: Final = 4000  # characters
_STEMMERS: Final = {
    # The stemmers' own caches are off: `analyze_word` caches the hashes as well.
    Language.PORTUGUESE: Stemmer.Stemmer("portuguese", 0),
    Language.ENGLISH: Stemmer.Stemmer("english", 0),
}


class Word(NamedTuple):
    """What one folded word contributes. Stop words have 4-grams but no stem."""

    stem: str | None
    stem_term: int
    gram_terms: bytes  # int32, native order: joined over a text, then read as one array


@dataclass(frozen=True, slots=True)
class Analysis:
    """The terms of one text: `bigram_terms[i]` is made of stems i and i+1."""

    stems: list[str]
    stem_terms: Terms
    gram_terms: Terms
    bigram_terms: Terms


def fold(text: str) -> str:
    """Lower case without accents; ligatures, full-width forms, ª and º become plain letters."""
    if not text.isascii():
        text = _MARKS.sub("", unicodedata.normalize("NFKD", text))
    return text.lower()


def words(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return [word[:LONGEST_WORD] for word in _WORDS.findall(fold(text))]


def detect_language(text: str) -> Language:
    """By stop words. Portuguese when in doubt: the product's organizations are Brazilian."""
    return language_of(text, words(text[:_ENOUGH_FOR_LANGUAGE]))


def language_of(text: str, written: Sequence[str]) -> Language:
    """The same, for who has the words of the text at hand."""
    sample = written if len(text) <= _ENOUGH_FOR_LANGUAGE else words(text[:_ENOUGH_FOR_LANGUAGE])
    english = sum(map(ENGLISH.__contains__, sample))
    portuguese = sum(map(PORTUGUESE.__contains__, sample))
    return Language.ENGLISH if english > portuguese else Language.PORTUGUESE


def analyze(text: str, language: Language) -> Analysis:
    """Splits, stems and hashes a text."""
    return analyze_words(words(text), language)


def analyze_words(written: Sequence[str], language: Language) -> Analysis:
    """The same, for who has the words of the text at hand."""
    found = [analyze_word(word, language) for word in written]
    kept = [(word.stem, word.stem_term) for word in found if word.stem is not None]
    stem_terms = np.array([term for _, term in kept], dtype=np.int32)
    return Analysis(
        stems=[stem for stem, _ in kept],
        stem_terms=stem_terms,
        gram_terms=np.frombuffer(b"".join([word.gram_terms for word in found]), dtype=np.int32),
        bigram_terms=pair(stem_terms[:-1], stem_terms[1:]),
    )


@lru_cache(maxsize=2**15)
def analyze_word(word: str, language: Language) -> Word:
    """The terms of one folded word. Cached: a text's words are mostly those of the texts before."""
    stem = stem_of(word, language)
    return Word(
        stem=stem,
        stem_term=-1 if stem is None else stem_term(stem),
        gram_terms=np.array(gram_terms(word), dtype=np.int32).tobytes(),
    )


def stem_of(word: str, language: Language) -> str | None:
    """The stem of one folded word, None of a stop word: a quarter of the work of all its terms."""
    return None if word in STOP_WORDS else _STEMMERS[language].stemWord(word)


def pair(first: Terms, second: Terms) -> Terms:
    """The bigram of each stem in `first` with the stem at the same place in `second`."""
    mixed = first.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + second.astype(np.uint64)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(64 - 25)).astype(np.int32) | np.int32(FIRST_BIGRAM)


def stem_term(stem: str) -> int:
    """The hashed term of a stem."""
    return _hash(stem)


def gram_terms(word: str) -> list[int]:
    """The hashed 4-grams of a folded word, with its edges marked: `_lei_` has `_lei` and `lei_`."""
    padded = f"_{word}_"
    starts = range(max(1, len(padded) - GRAM + 1))
    return [FIRST_GRAM + _hash(padded[start : start + GRAM]) for start in starts]


def _hash(term: str) -> int:
    """24 bits, the same on every machine and in every process (Python's own `hash` is salted)."""
    return (zlib.crc32(term.encode()) * 0x9E3779B1 & 0xFFFFFFFF) >> 8
