"""The built-in model: it answers by quoting the sentences that meet the question best.

No key, no network, always the same answer to the same question over the same documents.
"""

import re
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from ai_svc.modules.rag.answering import Draft
from ai_svc.modules.rag.evidence import Evidence, Scored, told_share
from ai_svc.modules.rag.quotes import Citation

NAME: Final = "extractive"
VERSION: Final = "extractive-4"
MOST_QUOTES: Final = 3
_WORTH_ADDING: Final = 0.85
"""A further sentence must score at least this share of the best one. On FaQuAD answers then hold
the gold answer in .89 of the cases with 1.5 quotes; .75 gives .90 with 1.8, one quote .81."""
_COMPLETES: Final = 0.25
"""…or tell so much of the question's idf that no quote before has told, …"""
_COMPLETES_FROM: Final = 0.5
"""… with at least this share of the best score: half of a question may be answered elsewhere."""
_REPEATS: Final = 0.8
"""Share of the question's ideal score from which a heading is the question."""
_ASKS_FIGURE: Final = re.compile(
    r"\b(?:quant[oa]s?|quando|que (?:horas|dia|data|ano)|valor|pre[çc]o|custo|prazo"
    r"|how (?:much|many|long|old)|when|what (?:time|year|date))\b",
    re.IGNORECASE,
)
_FIGURE: Final = re.compile(
    r"\d|\b(?:dois|duas|tr[êe]s|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|treze|quinze"
    r"|vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa|cem|mil|two|three|four"
    r"|five|six|seven|eight|nine|ten|twelve|hundred|thousand)\b",
    re.IGNORECASE,
)
_NEXT: Final = 2
"""Characters between a sentence and the one that goes on from it."""


class ExtractiveModel:
    """The last in line, and always there."""

    name = NAME
    version = VERSION

    async def answer(self, evidence: Evidence) -> Draft:
        """Up to three quotes of any of the passages, in the order of their weight."""
        return draft(evidence)

    async def stream(self, evidence: Evidence) -> AsyncGenerator[str | Draft, None]:
        """Quote by quote."""
        whole = draft(evidence)
        for number, part in enumerate(whole.text.split("\n\n")):
            if part:
                yield f"\n\n{part}" if number else part
        yield whole


def draft(evidence: Evidence) -> Draft:
    """An answer of quotes."""
    # A heading repeats the question; it answers only where there is nothing else.
    scored = [each for each in evidence.scored if not each.is_heading] or evidence.scored
    if not scored:
        return Draft("", (), NAME)
    scored = _below(evidence.scored[0], scored) or scored
    chosen = [each.citation for each in _chosen(evidence, scored)]
    text = "\n\n".join(f"{_one_line(c.quote)} [{n}]" for n, c in enumerate(chosen, start=1))
    return Draft(text, chosen, NAME)


def _below(first: Scored, scored: Sequence[Scored]) -> list[Scored]:
    """Where a heading is the question itself: what stands below it, and nothing else."""
    if not first.is_heading or first.met < _REPEATS:
        return []
    mine = first.citation
    return [
        each
        for each in scored
        if each.citation.passage.chunk_id == mine.passage.chunk_id
        and each.citation.char_start >= mine.char_end
    ]


def _chosen(evidence: Evidence, scored: Sequence[Scored]) -> list[Scored]:
    best = scored[0]
    chosen = [best]
    told = set(best.terms)
    share = told_share(evidence.meaning, told)
    for each in scored[1:]:
        if len(chosen) == MOST_QUOTES or each.score < best.score * _COMPLETES_FROM:
            break
        if any(_same(each.citation, other.citation) for other in chosen):
            continue
        with_it = told_share(evidence.meaning, told | each.terms)
        if each.score >= best.score * _WORTH_ADDING or with_it - share >= _COMPLETES:
            chosen.append(each)
            told |= each.terms
            share = with_it
    if _lacks_figure(evidence.question, chosen):
        chosen = [best, *_going_on(best, scored), *chosen[1:]]
    return chosen[:MOST_QUOTES]


def _lacks_figure(question: str, chosen: Sequence[Scored]) -> bool:
    """It asks how much or when, and no quote says: "É infração. A multa é de R$ 900,00." """
    if not _ASKS_FIGURE.search(question):
        return False
    return not any(_FIGURE.search(each.citation.quote) for each in chosen)


def _going_on(best: Scored, scored: Sequence[Scored]) -> list[Scored]:
    """The sentence right after the best one, when it has a figure."""
    mine = best.citation
    return [
        each
        for each in scored
        if each.citation.passage.chunk_id == mine.passage.chunk_id
        and 0 <= each.citation.char_start - mine.char_end <= _NEXT
        and _FIGURE.search(each.citation.quote)
    ]


def _same(one: Citation, other: Citation) -> bool:
    """The same words, or overlapping stretches (the chunks of `fixed` overlap)."""
    if one.quote == other.quote:
        return True
    return (
        one.passage.document_id == other.passage.document_id
        and one.char_start < other.char_end
        and other.char_start < one.char_end
    )


def _one_line(quote: str) -> str:
    return " ".join(quote.split())
