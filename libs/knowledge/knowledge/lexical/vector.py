"""The document part of BM25 as a sparse vector.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with fixed
average lengths: a chunk's vector never changes because another chunk came or went.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pgvector import SparseVector

from knowledge.lexical.analyzer import Analysis, Terms, analyze
from knowledge.models import LEXICAL_DIMENSIONS, Language

Weights = NDArray[np.float32]

K1: Final = 1.2
B: Final = 0.75
AVERAGE_STEMS: Final = 90
AVERAGE_GRAMS: Final = 550
AVERAGE_BIGRAMS: Final = 90

MOST_ENTRIES: Final = 16_000
"""pgvector's limit for a sparsevec. Chunks stay far below; one of random words must not fail."""


@dataclass(frozen=True, slots=True)
class DocumentVector:
    """Distinct terms in order, none of weight 0; pgvector's own class takes four times as long."""

    terms: Terms
    weights: NDArray[np.float64]

    def indices(self) -> list[int]:
        """The terms."""
        indices: list[int] = self.terms.tolist()
        return indices

    def values(self) -> list[float]:
        """Their weights."""
        values: list[float] = self.weights.tolist()
        return values

    def to_text(self) -> str:
        """As PostgreSQL reads it, which counts from 1."""
        values = self.values()
        written = {value: str(value) for value in set(values)}  # as few as there are counts
        numbers = (self.terms + 1).tolist()
        entries = [
            f"{number}:{written[value]}" for number, value in zip(numbers, values, strict=True)
        ]
        return f"{{{','.join(entries)}}}/{LEXICAL_DIMENSIONS}"


def index_chunk(
    *, title: str, heading: str | None, content: str, language: Language
) -> tuple[DocumentVector, list[str]]:
    """What is stored for a chunk: its vector, and its distinct stems for the candidates' tsvector.

    The title counts twice, the heading path once: they say what a passage is about.
    """
    about = f"{title}\n{title}\n{heading or ''}\n"
    analysis = analyze(about + content, language)
    return document_vector(analysis), list(dict.fromkeys(analysis.stems))


def document_vector(analysis: Analysis) -> DocumentVector:
    """`tf·(k1+1) / (tf + k1·(1−b+b·len/A))` for each term, to three decimals."""
    parts = (
        _counted(analysis.stem_terms, AVERAGE_STEMS),
        _counted(analysis.gram_terms, AVERAGE_GRAMS),
        _counted(analysis.bigram_terms, AVERAGE_BIGRAMS),
    )
    # The ranges follow one another: the concatenation is sorted, and a cut takes bigrams first.
    terms = np.concatenate([terms for terms, _ in parts])[:MOST_ENTRIES]
    weights = rounded(np.concatenate([weights for _, weights in parts])[:MOST_ENTRIES])
    counts = weights > 0
    return DocumentVector(terms[counts], weights[counts])


def sparse(terms: Terms, weights: Weights) -> SparseVector:
    """A question's distinct terms with their weights, as pgvector takes them."""
    entries = dict(zip(terms.tolist(), rounded(weights).tolist(), strict=True))
    return SparseVector(entries, LEXICAL_DIMENSIONS)


def rounded(weights: Weights) -> NDArray[np.float64]:
    """As they are stored."""
    return weights.astype(np.float64).round(3)


def saturated(counts: NDArray[np.int64], length: int, average: int) -> Weights:
    """The weights of terms that are there so often, in a text with `length` of their kind."""
    norm = K1 * (1 - B + B * length / average)
    return (counts * (K1 + 1) / (counts + norm)).astype(np.float32)


def _counted(terms: Terms, average: int) -> tuple[Terms, Weights]:
    distinct, counts = np.unique(terms, return_counts=True)
    return distinct, saturated(counts, len(terms), average)
