"""What every model that answers has in common: evidence in, an answer with citations out."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.rag.quotes import Citation

NOT_FOUND: Final = (
    "Não encontrei a resposta nos documentos da organização. "
    "Reformule a pergunta ou envie um documento que trate do assunto."
)
KEPT_HERE: Final = (
    "Esta resposta foi montada aqui mesmo, só com trechos dos documentos: os dados deste cliente "
    "não podem ser enviados ao provedor externo do modelo (LGPD, arts. 7º e 33)."
)
"""What an answer says of itself that the chosen model was not asked for."""
_MARK: Final = re.compile(r"\s*\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before its citations were checked. `[n]` in the text is the n-th citation.

    Without citations the model found no answer.
    """

    text: str
    citations: Sequence[Citation]
    model: str
    tokens_used: int = 0
    """In and out."""
    prompt_version: str | None = None


class AnswerFailed(Exception):
    """There is no usable answer: nobody could be reached in time, or not one quote is true."""


class MustStayHere(AnswerFailed):
    """Nobody was asked: whose data question and passages hold does not allow it."""


class AnswerModel(Protocol):
    """Writes an answer from passages, best first. Never called inside a transaction."""

    @property
    def name(self) -> str:
        """What the answer's `model` says."""

    @property
    def version(self) -> str:
        """Changes whenever the same evidence may get another answer."""

    async def answer(self, evidence: Evidence) -> Draft:
        """Raises AnswerFailed. May take half a minute."""

    def stream(self, evidence: Evidence) -> AsyncGenerator[str | Draft, None]:
        """The text as it is written, unchecked, and the draft at the end. Raises AnswerFailed."""


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """Marks follow their citations (old number → new one); a mark without one disappears."""

    def mark(match: re.Match[str]) -> str:
        number = numbers.get(int(match.group(1)))
        return f" [{number}]" if number else ""

    return _MARK.sub(mark, text)
