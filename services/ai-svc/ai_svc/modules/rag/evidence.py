"""What speaks for an answer: passages, their sentences scored, and the signals one judges it by."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from ai_svc.modules.rag.asked_for import asking_stems, has_what_is_asked
from ai_svc.modules.rag.quotes import Citation
from ai_svc.modules.rag.sentences import Sentence, sentences
from knowledge.lexical.analyzer import Terms, analyze, detect_language
from knowledge.lexical.meeting import Meeting
from knowledge.lexical.query import Question
from knowledge.search import Passage
from knowledge.search.similarity import coverage_of

PASSAGE_SHARE: Final = 0.5
"""How much a passage's similarity counts beside its sentence's own score."""
_OTHERS: Final = 5
"""Passages the best one is compared with."""
_LEAST: Final = 1e-3
_SHORT: Final = 15_000
"""Characters, of all passages together."""


class Scored(NamedTuple):
    """A sentence of a passage. `met` is its share of the question's ideal score."""

    score: float
    met: float
    citation: Citation
    terms: frozenset[int]
    is_heading: bool  # or a question: it repeats what was asked


class Signals(NamedTuple):
    """What an answer is judged by (see `abstention`)."""

    coverage: float  # ln of the best passage's share of the question's ideal score
    sentence: float  # ln of the best sentence's
    words: float  # ln(1 + telling words of the question that the best passage has)
    lead: float  # how far the best passage is ahead of the others, 0 to 1
    told: float  # idf share of the words in the best sentence or in the title above it
    unknown: float  # ln(1 + those that no document of the organization has)
    kind: float  # 0 when the question wants a sum, a time, a number that the best passage lacks


@dataclass(frozen=True, slots=True)
class Evidence:
    """A question as a person wrote it and as search understood it, and what was found for it."""

    question: str
    meaning: Question
    passages: Sequence[Passage]
    scored: Sequence[Scored]
    signals: Signals | None
    """None when there is nothing to judge."""


async def gather(question: str, meaning: Question, passages: Sequence[Passage]) -> Evidence:
    """As `weigh`, without keeping others waiting. A thread is for long passages only: it would have
    the interpreter for 5 ms each time this one waits for anything, and short ones take 3."""
    if sum(len(passage.content) for passage in passages) <= _SHORT:
        return weigh(question, meaning, passages)
    return await asyncio.to_thread(weigh, question, meaning, passages)


def weigh(question: str, meaning: Question, passages: Sequence[Passage]) -> Evidence:
    """Scores every sentence: some 3 ms for six passages, 10 for long ones."""
    meeting = Meeting(meaning.vector)
    scored = [each for passage in passages for each in _sentences(meaning.ideal, meeting, passage)]
    # Best first; among equals the order of the passages.
    scored.sort(key=lambda each: -each.score)
    telling = [each for each in scored if each.met]
    signals = _signals(question, meaning, passages, telling) if telling else None
    return Evidence(question, meaning, passages, scored, signals)


def told_share(meaning: Question, terms: frozenset[int] | set[int]) -> float:
    """How much of what the question says, by idf, the terms hold; 0 to 1."""
    whole = sum(max(reading.idf for reading in word) for word in meaning.words)
    met = sum(
        max((reading.weight for reading in word if reading.term in terms), default=0.0)
        for word in meaning.words
    )
    return met / whole if whole else 0.0


def terms_of(text: str) -> Terms:
    """The hashed stems of a text."""
    return analyze(text, detect_language(text)).stem_terms


def about(passage: Passage) -> str:
    """What stands above a passage."""
    return f"{passage.title}\n{passage.heading or ''}"


def _sentences(ideal: float, meeting: Meeting, passage: Passage) -> list[Scored]:
    named = {part.strip() for part in (passage.heading or "").split(" > ")} | {passage.title}
    found: list[Scored] = []
    for sentence in sentences(passage.content):
        text = passage.content[sentence.start : sentence.end]
        met = meeting.of(text)
        # Without a word of the question, too: "Quanto custa a taxa? Dez reais."
        found.append(
            Scored(
                met.score / ideal + PASSAGE_SHARE * passage.similarity,
                met.score / ideal,
                _cited(passage, sentence),
                met.stems,
                sentence.is_heading or _is_name(text, named) or text.endswith("?"),
            )
        )
    if all(each.is_heading for each in found):  # a passage of one line is what it says
        return [each._replace(is_heading=False) for each in found]
    return found


def _is_name(text: str, named: set[str]) -> bool:
    """A text sent without a title is called by its first sentence, which still says something."""
    return text.lstrip("# ") in named and not text.endswith((".", "!"))


def _cited(passage: Passage, sentence: Sentence) -> Citation:
    return Citation(passage, passage.char_start + sentence.start, passage.char_start + sentence.end)


def _signals(
    question: str, meaning: Question, passages: Sequence[Passage], scored: Sequence[Scored]
) -> Signals:
    best, first = scored[0], passages[0]
    subject = _subject(question, meaning)
    coverages = [coverage_of(passage.similarity) for passage in passages]
    others = sum(coverages[1 : 1 + _OTHERS]) / _OTHERS
    whole = set(terms_of(f"{about(first)}\n{first.content}").tolist())
    met = sum(any(reading.term in whole for reading in word) for word in meaning.words)
    above = set(terms_of(about(best.citation.passage)).tolist())
    unknown = sum(not any(reading.frequency for reading in word) for word in subject.words)
    return Signals(
        coverage=math.log(max(coverages[0], _LEAST)),
        sentence=math.log(max(best.met, _LEAST)),
        words=math.log1p(met),
        lead=max(0.0, 1 - others / coverages[0]) if coverages[0] else 0.0,
        told=told_share(subject, best.terms | above),
        unknown=math.log1p(unknown),
        kind=float(has_what_is_asked(question, first.content)),
    )


def _subject(question: str, meaning: Question) -> Question:
    """Without the words that only ask, where any are left."""
    asking = asking_stems(question)
    words = tuple(
        word for word in meaning.words if not any(reading.stem in asking for reading in word)
    )
    return replace(meaning, words=words) if words else meaning
