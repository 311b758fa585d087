"""«Did you mean»: the question with its unknown words spelt as the passages found spell them.

The spelling comes from passages the reader may read, never from the vocabulary itself: that one
also knows the words of documents which are not for everybody.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from knowledge.lexical.analyzer import words
from knowledge.lexical.query import Question
from knowledge.search.highlights import WRITTEN, stems_of

LOOKED_AT: Final = 10
"""Passages, best first."""


def suggestion(text: str, question: Question, passages: Sequence[str]) -> str | None:
    """None when every word is known, or no passage bears a near spelling out."""
    guessed = {stem: word for word, near in question.misspelt.items() for stem in near}
    if not guessed:
        return None
    spelt = _spellings(passages[:LOOKED_AT], guessed)
    if not spelt:
        return None
    return WRITTEN.sub(lambda match: _replaced(match.group(), spelt), text)


def _spellings(passages: Sequence[str], guessed: Mapping[str, str]) -> dict[str, str]:
    """Unknown word → how the best passage with one of its near stems spells it most often."""
    found: dict[str, str] = {}
    for passage in passages:
        seen: dict[str, Counter[str]] = {}
        for match in WRITTEN.finditer(passage):
            spelling = match.group().lower()
            for unknown in {guessed[stem] for stem in stems_of(spelling) if stem in guessed}:
                seen.setdefault(unknown, Counter())[spelling] += 1
        for unknown, spellings in seen.items():
            found.setdefault(unknown, spellings.most_common(1)[0][0])
    return found


def _replaced(written: str, spelt: Mapping[str, str]) -> str:
    better = next((spelt[word] for word in words(written) if word in spelt), None)
    if better is None:
        return written
    if len(written) > 1 and written.isupper():  # an abbreviation
        return better.upper()
    return better.capitalize() if written[:1].isupper() else better
