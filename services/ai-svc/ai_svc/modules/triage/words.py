"""The words of a ticket as they are compared: stems and their weights, without what speaks to a
machine instead of the desk."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from ai_svc.marking import cleaned
from knowledge.lexical import analyze, fold
from knowledge.models import Language

Weights = Mapping[int, float]

_SENTENCE: Final = re.compile(r"[^.!?\n]+[.!?\n]*")
# Orders to a program, in Portuguese and English. A sentence of somebody who wants something from
# the desk has none of these; losing one that has costs a few words.
_ORDERS: Final = re.compile(
    r"""
    \b(?:ignorem?|desconsiderem?|esque[cç]am?|disregard|forget|override)\b
        .{0,60}\b(?:instru\w+|regras?|ordens?|prompt|system|sistema|anterior\w*|previous|rules?)\b
    | \b(?:system|developer)\s*(?:prompt|message|:)
    | \b(?:assistant|assistente|chatgpt|gpt|llm|ia|ai|modelo|rob[oô]|bot)\s*[:,]
    | \b(?:classifi\w+|categori\w+|defin\w+|marqu\w+|set|atribu\w+)\b
        .{0,40}\b(?:prioridade|priority|categoria|category|equipe|team|confian[cç]a|confidence)\b
    | \b(?:priority|prioridade|category|categoria|team|equipe|confidence|confian[cç]a)
        \s*["']?\s*[:=]
    | ``` | [{}]
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_PLURALS: Final = (
    (re.compile(r"\b(\w{2,})(?:oes|aes|aos)\b"), r"\1ao"),
    (re.compile(r"\b(\w{3,}[aeou])is\b"), r"\1l"),
    (re.compile(r"\b(\w{4,})ns\b"), r"\1m"),
)
_TAG: Final = re.compile(r"<[^<>]{0,200}>")


def said(text: str) -> str:
    """What a ticket says to the desk: without invisible characters and orders to a program."""
    visible = _TAG.sub(" ", cleaned(text))
    return "".join(
        sentence for sentence in _SENTENCE.findall(visible) if not _ORDERS.search(sentence)
    ).strip()


def stems_of(text: str) -> Counter[int]:
    """How often each stem stands in the text, by its hash. Plurals that the stemmer takes for
    another word count as their singular: certidões, papéis, ordens."""
    plain = fold(text)
    for plural, singular in _PLURALS:
        plain = plural.sub(singular, plain)
    return Counter(analyze(plain, Language.PORTUGUESE).stem_terms.tolist())


def words_by_stem(text: str) -> dict[int, str]:
    """Each stem's first word, as a person reads it."""
    found: dict[int, str] = {}
    for word in re.findall(r"[^\W\d_]{3,}", text):
        for stem in stems_of(word):
            found.setdefault(stem, word.lower())
    return found


@dataclass(frozen=True, slots=True)
class Rarity:
    """How telling stems are among some texts: the fewer have one, the more."""

    texts: int
    having: Mapping[int, int]

    @classmethod
    def among(cls, texts: Iterable[Counter[int]]) -> Self:
        """Of these."""
        counted = Counter[int]()
        number = 0
        for text in texts:
            number += 1
            counted.update(text.keys())
        return cls(number, counted)

    def weigh(self, stems: Counter[int]) -> dict[int, float]:
        """`(1 + ln tf) · ln(1 + N / df)`, of unit length."""
        weights = {
            stem: (1 + math.log(times)) * self._rarity(stem) for stem, times in stems.items()
        }
        return unit(weights)

    def _rarity(self, stem: int) -> float:
        return math.log(1 + (self.texts + 1) / (1 + self.having.get(stem, 0)))


def unit(weights: Weights) -> dict[int, float]:
    """Of length 1; nothing stays nothing."""
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {stem: weight / length for stem, weight in weights.items()} if length else {}


def likeness(one: Weights, other: Weights) -> float:
    """The cosine of two of unit length."""
    if len(other) < len(one):
        one, other = other, one
    return sum(weight * other.get(stem, 0.0) for stem, weight in one.items())
