"""The built-in model: it answers by quoting the sentences that meet the question best.

No key, no network, always the same answer to the same question over the same documents.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ai_svc.modules.rag.answering import Asked, Citation, Draft
from ai_svc.modules.rag.sentences import sentences
from knowledge.lexical.analyzer import analyze, detect_language
from knowledge.lexical.vector import document_vector
from knowledge.search import Passage

NAME: Final = "extractive"
MOST_QUOTES: Final = 3
_WORTH_ADDING: Final = 0.85
"""A further sentence must score at least this share of the best one. On FaQuAD answers then hold
the gold answer in .89 of the cases with 1.5 quotes; .75 gives .90 with 1.8, one quote .81."""
_PASSAGE_SHARE: Final = 0.5
"""How much a passage's similarity counts beside its sentence's own score."""


class _Scored(NamedTuple):
    score: float
    citation: Citation


class ExtractiveModel:
    """The last in line, and always there."""

    name = NAME

    async def answer(self, asked: Asked, passages: Sequence[Passage]) -> Draft:
        """Up to three quotes, in the order of their weight."""
        # A heading repeats the question; it answers only where there is nothing else.
        scored = _best(asked, passages, headings=False) or _best(asked, passages, headings=True)
        if not scored:
            return Draft("", (), NAME)
        least = scored[0].score * _WORTH_ADDING
        chosen: list[Citation] = []
        for score, citation in scored:
            if score < least or len(chosen) == MOST_QUOTES:
                break
            if not any(_same(citation, other) for other in chosen):
                chosen.append(citation)
        text = "\n\n".join(f"{_one_line(c.quote)} [{n}]" for n, c in enumerate(chosen, start=1))
        return Draft(text, chosen, NAME)


def _best(asked: Asked, passages: Sequence[Passage], *, headings: bool) -> list[_Scored]:
    """Best first; among equals the order of the passages."""
    found = (scored for passage in passages for scored in _score(asked, passage, headings=headings))
    return sorted(found, key=lambda scored: -scored.score)


def _score(asked: Asked, passage: Passage, *, headings: bool) -> list[_Scored]:
    weights = dict(zip(asked.meaning.vector.indices(), asked.meaning.vector.values(), strict=True))
    named = {part.strip() for part in (passage.heading or "").split(" > ")} | {passage.title}
    found = []
    for sentence in sentences(passage.content):
        text = passage.content[sentence.start : sentence.end]
        if not headings and (sentence.is_heading or text in named):
            continue
        vector = document_vector(analyze(text, detect_language(text)))
        met = sum(
            weights.get(term, 0.0) * weight
            for term, weight in zip(vector.indices(), vector.values(), strict=True)
        )
        if met:
            score = met / asked.meaning.ideal + _PASSAGE_SHARE * passage.similarity
            offset = passage.char_start
            citation = Citation(passage, offset + sentence.start, offset + sentence.end)
            found.append(_Scored(score, citation))
    return found


def _same(one: Citation, other: Citation) -> bool:
    """The same words, or overlapping stretches (the chunks of `fixed` overlap)."""
    if one.quote == other.quote:
        return True
    return (
        one.document_id == other.document_id
        and one.char_start < other.char_end
        and other.char_start < one.char_end
    )


def _one_line(quote: str) -> str:
    return " ".join(quote.split())
