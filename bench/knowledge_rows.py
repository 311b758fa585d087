"""Chunks for the scale bench: made-up Portuguese with the word statistics of a real collection.

A text of the ingestion bench has two thousand words at most: here every stem would be frequent, and
nothing rare could be looked for. This lexicon grows as a collection of that size does (Heaps), its
words follow Zipf and Mandelbrot, and a document keeps to its subject.
"""

import random
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bench.texts import _SMALL
from knowledge.lexical import index_chunk
from knowledge.lexical.vector import DocumentVector
from knowledge.models import EMBEDDING_DIMENSIONS, LEXICAL_DIMENSIONS, Language
from shared_schemas.ids import new_id

MODEL: Final = "bench-embedder"
CHUNKS_OF_DOCUMENT: Final = 5
ROOTS: Final = 60_000
SUBJECTS: Final = 1_500
WORDS_OF_SUBJECT: Final = 120
_ZIPF: Final = 1.07
_OFFSET: Final = 2.7
# The commoner ones more than once.
_ONSETS: Final[tuple[str, ...]] = (
    *"bcdfglmnprstv",
    *"cdmprst",
    "br",
    "cr",
    "pr",
    "tr",
    "ch",
    "lh",
    "qu",
)
_VOWELS: Final[tuple[str, ...]] = (*"aeiouaeoãéó", "ei", "ou", "ia")
_ENDINGS: Final[tuple[str, ...]] = (
    *"oooaaa",
    "os",
    "as",
    "ar",
    "ado",
    "ada",
    "ação",
    "ações",
    "amento",
)
_LATENT: Final = 96
"""Dimensions of meaning behind the vectors, about as many as real embeddings have."""

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """A chunk without ids."""

    number: int
    heading: str
    content: str
    subject_words: list[str]
    embedding: Vector


class Lexicon:
    """Roots by rank, subjects, and the directions of meaning; the same in every process."""

    def __init__(self) -> None:
        dice = random.Random(7)
        roots: dict[str, None] = {}
        while len(roots) < ROOTS:
            # Common words are short.
            syllables = 1 if len(roots) < 600 else 2 if len(roots) < 25_000 else 3
            roots[
                "".join(_syllable(dice) for _ in range(syllables)) + dice.choice("bcdlmnrstv")
            ] = None
        self.roots = list(roots)
        ranks = np.arange(1, ROOTS + 1)
        weights = 1 / (ranks + _OFFSET) ** _ZIPF
        self.cumulative = np.cumsum(weights / weights.sum())
        numbers = np.random.default_rng(7)
        # Subjects are told apart by words of middling and low frequency.
        spread = np.exp(numbers.uniform(np.log(60), np.log(ROOTS), (SUBJECTS, WORDS_OF_SUBJECT)))
        self.subjects = spread.astype(np.int64) - 1
        self.centres = numbers.normal(size=(SUBJECTS, _LATENT)).astype(np.float32)
        self.directions = numbers.normal(size=(_LATENT, EMBEDDING_DIMENSIONS)).astype(np.float32)

    @cached_property
    def small(self) -> list[str]:
        """The small words of the language."""
        return _SMALL.split()

    def vector(self, meaning: Vector, dice: np.random.Generator) -> Vector:
        """What an embedder would make of a meaning: its projection, with noise, of unit length."""
        projected = meaning @ self.directions
        noise = dice.normal(size=EMBEDDING_DIMENSIONS).astype(np.float32)
        vector = projected / np.linalg.norm(projected) + 0.25 * noise / np.linalg.norm(noise)
        unit: Vector = (vector / np.linalg.norm(vector)).astype(np.float32)
        return unit


class Collection:
    """Documents by number: the same number is the same text, whoever makes it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon

    def document(self, number: int) -> tuple[str, list[Made]]:
        """A title, and chunks of 300 to 1,600 characters."""
        dice = np.random.default_rng(number)
        subject = int(dice.integers(SUBJECTS))
        title = " ".join(self._content_words(dice, subject, 4)).capitalize()
        meaning = self.lexicon.centres[subject] + 0.7 * dice.normal(size=_LATENT)
        made = []
        for place in range(CHUNKS_OF_DOCUMENT):
            length = int(np.clip(dice.lognormal(4.2, 0.45), 25, 180))
            heading = " ".join(self._content_words(dice, subject, 2)).capitalize()
            words = self._content_words(dice, subject, length)
            own = (meaning + 0.6 * dice.normal(size=_LATENT)).astype(np.float32)
            made.append(
                Made(
                    number=number * CHUNKS_OF_DOCUMENT + place,
                    heading=heading,
                    content=self._prose(dice, words),
                    subject_words=words,
                    embedding=self.lexicon.vector(own, dice),
                )
            )
        return title, made

    def _content_words(self, dice: np.random.Generator, subject: int, count: int) -> list[str]:
        drawn = np.searchsorted(self.lexicon.cumulative, dice.random(count))
        own = self.lexicon.subjects[subject]
        # The first words of a subject are its commonest.
        of_subject = own[(WORDS_OF_SUBJECT * dice.random(count) ** 2.2).astype(np.int64)]
        ranks = np.where(dice.random(count) < 0.35, of_subject, np.minimum(drawn, ROOTS - 1))
        endings = dice.integers(len(_ENDINGS), size=count)
        return [
            self.lexicon.roots[rank] + _ENDINGS[ending]
            for rank, ending in zip(ranks.tolist(), endings.tolist(), strict=True)
        ]

    def _prose(self, dice: np.random.Generator, words: list[str]) -> str:
        small = self.lexicon.small
        sentences: list[str] = []
        at = 0
        while at < len(words):
            size = int(dice.integers(6, 16))
            mixed: list[str] = []
            for word in words[at : at + size]:
                if dice.random() < 0.7:
                    mixed.append(small[int(len(small) * dice.random() ** 1.7)])
                mixed.append(word)
            sentences.append(" ".join(mixed).capitalize() + ".")
            at += size
        return " ".join(sentences)

    def question(self, number: int) -> tuple[str, int, Vector]:
        """A question only chunk `number` of the collection answers whole; its vector."""
        dice = np.random.default_rng(10_000_019 + number)
        _, made = self.document(number // CHUNKS_OF_DOCUMENT)
        chunk = made[number % CHUNKS_OF_DOCUMENT]
        size = int(dice.integers(3, 9))
        start = int(dice.integers(0, max(1, len(chunk.subject_words) - size)))
        near = chunk.subject_words[start : start + size]  # from one place, as questions are
        text = "qual " + " de ".join(near) + "?"
        noise = dice.normal(size=EMBEDDING_DIMENSIONS).astype(np.float32)
        vector = chunk.embedding + 0.5 * noise / np.linalg.norm(noise)
        return text, number, (vector / np.linalg.norm(vector)).astype(np.float32)


DOCUMENTS: Final = (
    "id organization_id title source_type chunking status current_version latest_version "
    "visibility allowed_roles allowed_team_ids submitted_by tags version created_at updated_at"
)
VERSIONS: Final = (
    "id organization_id document_id number source_type mime_type chunking language content "
    "counted_bytes chunk_count submitted_by created_at indexed_at"
)
CHUNKS: Final = (
    "id organization_id document_id version_number position content char_start char_end page "
    "heading token_count language lexv terms embedding embedding_model"
)
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class DocumentRows:
    """A document as the tables have it."""

    document: Row
    version: Row
    chunks: list[Row]

    def moved(self, organization_id: UUID) -> "DocumentRows":
        """The same text as a document of another organization."""
        document_id = new_id()
        return DocumentRows(
            (document_id, organization_id, *self.document[2:]),
            (new_id(), organization_id, document_id, *self.version[3:]),
            [(new_id(), organization_id, document_id, *chunk[3:]) for chunk in self.chunks],
        )


def rows(
    collection: Collection, numbers: Iterable[int], organization_id: UUID
) -> Iterator[DocumentRows]:
    """Each document's rows, through the real analyzer."""
    for number in numbers:
        title, made = collection.document(number)
        document_id = new_id()
        now = datetime.now(UTC)
        who = organization_id
        kind: Row = (title, "text", "semantic", "indexed", 1, 1, "organization", [], [])
        content = "\n\n".join(each.content for each in made)
        ends = list(accumulate(len(each.content) + 2 for each in made))
        yield DocumentRows(
            (document_id, organization_id, *kind, who, [], 1, now, now),
            (
                *(
                    new_id(),
                    organization_id,
                    document_id,
                    1,
                    "text",
                    "text/plain",
                    "semantic",
                    "pt",
                ),
                *(content, len(content), len(made), who, now, now),
            ),
            [
                _chunk(organization_id, document_id, title, each, end - 2 - len(each.content))
                for each, end in zip(made, ends, strict=True)
            ],
        )


def _chunk(organization_id: UUID, document_id: UUID, title: str, made: Made, start: int) -> Row:
    lexv, stems = index_chunk(
        title=title, heading=made.heading, content=made.content, language=Language.PORTUGUESE
    )
    size = len(made.content)
    place = (made.number % CHUNKS_OF_DOCUMENT, made.content, start, start + size)
    vectors = (sparse(lexv), tsvector(stems), half(made.embedding), MODEL)
    return (
        *(new_id(), organization_id, document_id, 1, *place),
        *(None, made.heading, size // 4, "pt", *vectors),
    )


def tsvector(stems: list[str]) -> bytes:
    """PostgreSQL's binary form: lexemes without positions."""
    parts = b"".join(stem.encode() + b"\0\0\0" for stem in sorted(set(stems)))
    return struct.pack(">I", len(set(stems))) + parts


def sparse(vector: DocumentVector) -> bytes:
    """pgvector's binary form of a sparsevec."""
    header = struct.pack(">iii", LEXICAL_DIMENSIONS, len(vector.terms), 0)
    return header + vector.terms.astype(">i4").tobytes() + vector.weights.astype(">f4").tobytes()


def half(vector: Vector) -> bytes:
    """pgvector's binary form of a halfvec."""
    return struct.pack(">HH", len(vector), 0) + vector.astype(">f2").tobytes()


def _syllable(dice: random.Random) -> str:
    return dice.choice(_ONSETS) + dice.choice(_VOWELS)
