"""From a normalised text to rows: chunks with their lexical and their embedding vectors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from knowledge.chunk_edits import Edit, apply, separate
from knowledge.chunking import Cutting, Passage, cut, structured, suited
from knowledge.embedding import embedding_text_of
from knowledge.lexical import detect_language, index_chunk
from knowledge.models import Language
from knowledge.parsing.normalising import NormalisedText
from shared_schemas.ids import OrganizationId, new_id

ROWS_PER_STATEMENT: Final = 64
"""Bounds what is held in memory in the wire's form: some 40 KB per chunk."""


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage with its lexical entries. The vector is in PostgreSQL's text form: 15 KB."""

    passage: Passage
    lexv: str
    stems: list[str]


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """Everything the index stage writes."""

    text: NormalisedText
    title: str
    language: Language
    passages: list[IndexedPassage]
    embeddings: NDArray[np.float16]
    embedding_model: str
    uncorrected: str | None = None
    """As extracted, where that differs."""
    edits: tuple[Edit, ...] = ()
    found: frozenset[UUID] = frozenset()
    """Those of the edits that met something."""


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A text with the headings its cutting sees, its passages, and the language they are in."""

    text: NormalisedText
    passages: list[Passage]
    language: Language
    found: frozenset[UUID]


def cut_text(
    text: NormalisedText,
    cutting: Cutting,
    language: Language | None,
    title: str,
    edits: Sequence[Edit] = (),
) -> CutDocument:
    """Applies what people edited, cuts, and detects the language unless somebody said it. Meant
    for a thread."""
    edited = apply(text, edits)
    strategy = suited(edited.text, cutting.strategy)
    passages = cut(edited.text, strategy, cutting.sizes, title)
    return CutDocument(
        text=structured(edited.text, strategy, title),
        passages=separate(edited.text, passages, edited.off),
        language=language or detect_language(edited.text.text),
        found=edited.found,
    )


def index_passages(
    title: str, language: Language, passages: Sequence[Passage]
) -> list[IndexedPassage]:
    """Analyses each passage: 1-2 ms per chunk, meant for a thread."""
    indexed: list[IndexedPassage] = []
    for passage in passages:
        lexv, stems = index_chunk(
            title=title, heading=passage.heading, content=passage.content, language=language
        )
        indexed.append(IndexedPassage(passage, lexv.to_text(), stems))
    return indexed


def embedding_texts(title: str, passages: Sequence[IndexedPassage]) -> list[str]:
    """What is embedded of each."""
    return [embedding_text(title, item.passage.heading, item.passage.content) for item in passages]


def embedding_text(title: str, heading: str | None, content: str) -> str:
    """The passage under its title and headings, which say what it is about."""
    return f"{title}\n{heading}\n\n{content}" if heading else f"{title}\n\n{content}"


def batches(prepared: PreparedDocument) -> Iterator[range]:
    """The passages of one statement at a time."""
    for start in range(0, len(prepared.passages), ROWS_PER_STATEMENT):
        yield range(start, min(start + ROWS_PER_STATEMENT, len(prepared.passages)))


def chunk_rows(
    organization_id: OrganizationId,
    document_id: UUID,
    version_number: int,
    prepared: PreparedDocument,
    numbers: range,
) -> list[dict[str, Any]]:
    """Parameters of `INSERT_CHUNKS`: meant for a thread, as a long document has thousands."""
    return [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "document_id": document_id,
            "version_number": version_number,
            "position": item.passage.position,
            "content": item.passage.content,
            "char_start": item.passage.char_start,
            "char_end": item.passage.char_end,
            "page": item.passage.page,
            "heading": item.passage.heading,
            "token_count": item.passage.token_count,
            "enabled": item.passage.enabled,
            "language": prepared.language,
            "lexv_text": item.lexv,
            "stems": " ".join(item.stems),
            "embedding_text": embedding_text_of(vector),
            "embedding_model": prepared.embedding_model,
        }
        for item, vector in (
            (prepared.passages[number], prepared.embeddings[number]) for number in numbers
        )
    ]
