"""The built-in model: it answers by quoting the sentences that meet the question best.

No key, no network, always the same answer to the same question over the same documents.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ai_svc.modules.rag.answering import Asked, Citation, Draft
from ai_svc.modules.rag.sentences import sentences
from knowledge.lexical.analyzer import analyze, detect_language, fold
from knowledge.lexical.vector import document_vector
from knowledge.search import Passage

NAME: Final = "extractive"
MOST_QUOTES: Final = 3
_WORTH_ADDING: Final = 0.75
"""A further sentence must score at least this share of the best one."""
_PASSAGE_SHARE: Final = 0.5
"""How much a passage's similarity counts beside its sentence's own score."""
_EXPECTED: Final = 0.15
"""What a sentence gains by holding the kind of thing that was asked for."""

_NUMBER: Final = re.compile(r"\d")
_NAME_INSIDE: Final = re.compile(r"(?<=[\w,;] )[A-ZÀ-Ý][\w]+")
_ASKS_NUMBER: Final = re.compile(
    r"\b(?:quant[oa]s?|quando|que (?:dia|hora|data|ano)|qual (?:o |a )?(?:valor|preco|prazo|taxa|"
    r"multa|idade|data|horario|numero|telefone|percentual)|how (?:many|much|long|old)|when|"
    r"what (?:year|date|time|number|percentage))\b"
)
_ASKS_NAME: Final = re.compile(r"\b(?:quem|onde|who|whom|whose|where)\b")


class _Scored(NamedTuple):
    score: float
    citation: Citation


class ExtractiveModel:
    """The last in line, and always there."""

    name = NAME

    async def answer(self, asked: Asked, passages: Sequence[Passage]) -> Draft:
        """Up to three quotes, in the order of their weight."""
        scored = sorted(
            (found for passage in passages for found in _score(asked, passage)),
            key=lambda found: -found.score,
        )
        if not scored or scored[0].score <= 0:
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


def _score(asked: Asked, passage: Passage) -> list[_Scored]:
    weights = dict(zip(asked.meaning.vector.indices(), asked.meaning.vector.values(), strict=True))
    headings = {part.strip() for part in (passage.heading or "").split(" > ")} | {passage.title}
    found = []
    for sentence in sentences(passage.content):
        text = passage.content[sentence.start : sentence.end]
        if sentence.is_heading or text.lstrip("# ") in headings:
            continue
        vector = document_vector(analyze(text, detect_language(text)))
        met = sum(
            weights.get(term, 0.0) * weight
            for term, weight in zip(vector.indices(), vector.values(), strict=True)
        )
        score = met / asked.meaning.ideal + _PASSAGE_SHARE * passage.similarity
        if met:
            score += _EXPECTED * _holds_what_is_asked(asked.text, text)
            offset = passage.char_start
            citation = Citation(passage, offset + sentence.start, offset + sentence.end)
            found.append(_Scored(score, citation))
    return found


def _holds_what_is_asked(question: str, sentence: str) -> bool:
    folded = fold(question)
    if _ASKS_NUMBER.search(folded):
        return bool(_NUMBER.search(sentence))
    if _ASKS_NAME.search(folded):
        return bool(_NAME_INSIDE.search(sentence))
    return False


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
