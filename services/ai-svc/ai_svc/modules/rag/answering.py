"""What every model that answers has in common: passages in, an answer with citations out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from knowledge.lexical.query import Question
from knowledge.search import Passage

NOT_FOUND: Final = (
    "Não encontrei a resposta nos documentos da organização. "
    "Reformule a pergunta ou envie um documento que trate do assunto."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a person wrote it, and as search understood it."""

    text: str
    meaning: Question


@dataclass(frozen=True, slots=True)
class Citation:
    """A stretch of a passage: its document's content[char_start:char_end) should be `quote`."""

    passage: Passage
    char_start: int
    char_end: int

    @property
    def document_id(self) -> UUID:
        """Where it is quoted from."""
        return self.passage.document_id

    @property
    def quote(self) -> str:
        """As the passage has it; checked against the document before it is sent."""
        offset = self.passage.char_start
        return self.passage.content[self.char_start - offset : self.char_end - offset]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before its citations were checked. `[n]` in the text is the n-th citation.

    Without citations the model found no answer.
    """

    text: str
    citations: Sequence[Citation]
    model: str
    tokens_used: int = 0


class AnswerFailed(Exception):
    """The model gave no usable answer: unreachable, too slow, or without a single true quote."""


class AnswerModel(Protocol):
    """Writes an answer from passages, best first."""

    @property
    def name(self) -> str:
        """What the answer's `model` says."""

    async def answer(self, asked: Asked, passages: Sequence[Passage]) -> Draft:
        """Raises AnswerFailed. Never called inside a transaction: it may take half a minute."""
