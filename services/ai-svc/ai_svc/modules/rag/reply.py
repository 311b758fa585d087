"""The JSON a model outside is asked for, and what of it the passages bear out."""

from collections.abc import Sequence

import structlog
from pydantic import BaseModel, ValidationError

from ai_svc.modules.rag.answering import AnswerFailed, renumbered
from ai_svc.modules.rag.quotes import Citation, locate
from knowledge.search import Passage

log = structlog.get_logger(__name__)


class _Quoted(BaseModel):
    passage: int
    quote: str


class _Reply(BaseModel):
    """What the prompt asks for. Unknown fields are ignored: models chat."""

    found: bool = True
    answer: str = ""
    citations: list[_Quoted] = []


def read_reply(content: str, passages: Sequence[Passage]) -> tuple[str, list[Citation]]:
    """The answer with those of its citations that are true; without any, nothing was found.

    Raises AnswerFailed when it is not that JSON, or cites nothing true.
    """
    # Some set a frame of Markdown around it, whatever they are told.
    written = content[content.find("{") : content.rfind("}") + 1]
    try:
        reply = _Reply.model_validate_json(written)
    except ValidationError as error:
        raise AnswerFailed("not the JSON that was asked for") from error
    if not reply.found:
        return "", []
    citations, numbers = _borne_out(reply.citations, passages)
    if not citations or not reply.answer.strip():
        raise AnswerFailed("no citation is borne out by the passages")
    return renumbered(reply.answer.strip(), numbers), citations


def _borne_out(
    quoted: Sequence[_Quoted], passages: Sequence[Passage]
) -> tuple[list[Citation], dict[int, int]]:
    """The true citations, and old number → new number for the marks in the text."""
    citations: list[Citation] = []
    numbers: dict[int, int] = {}
    for number, claim in enumerate(quoted, start=1):
        passage = passages[claim.passage - 1] if 0 < claim.passage <= len(passages) else None
        span = locate(claim.quote, passage.content) if passage else None
        if passage is None or span is None:
            log.warning("citation_not_borne_out", passage=claim.passage, length=len(claim.quote))
            continue
        start, end = (passage.char_start + edge for edge in span)
        citations.append(Citation(passage, start, end))
        numbers[number] = len(citations)
    return citations, numbers
