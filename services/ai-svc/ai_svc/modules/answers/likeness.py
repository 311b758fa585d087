"""Which questions are the same question: for the cache exactly, for people who review about."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np

from knowledge.embedders.local import vectors_of
from knowledge.lexical.analyzer import words

# Articles, and what binds a word to the one before: a question means the same without them.
_SAYS_NOTHING: Final = frozenset(
    ["a", "o", "as", "os", "um", "uma", "de", "da", "do", "das", "dos", "é", "são"]
) | {"the", "an", "of", "is", "are"}
# What goes by a letter: there it is a name, and no article.
_CALLED_BY_LETTERS: Final = frozenset(
    words(
        "ala alínea anexo bloco categoria classe grupo hepatite letra lote nível padrão quadra "
        "rua série setor tipo torre turma vitamina"
    )
)
_WRITTEN: Final = re.compile(r"[^\W_]+")
_SHORTEST_PLURAL: Final = 5
ALIKE: Final = 0.8
"""Cosine of the built-in embedder from which two questions are shown as one. People look at it:
for the cache it would not do ("onde se iniciou" and "quando se iniciou" are at .94)."""


def question_key(question: str) -> str:
    """The same for questions that differ in case, accents, punctuation, plurals and articles.

    Words keep their order, and small words that decide (quando, onde, não, sem) stay. Stems would
    not do: porto and porta have one, and so have diretor and diretoria.
    """
    question = unicodedata.normalize("NFC", question)
    written = _WRITTEN.findall(question)
    said = [
        _singular(word)
        for place, each in enumerate(written)
        if not _says_nothing(written, place, shouted=question.isupper())
        for word in words(each)
    ]
    return hashlib.sha256(" ".join(said).encode()).hexdigest()


def _says_nothing(written: Sequence[str], place: int, *, shouted: bool) -> bool:
    """In small letters only, but at the beginning: within, a capital is a name ("CNH A")."""
    each = written[place]
    if each.lower() not in _SAYS_NOTHING or not (place == 0 or shouted or each.islower()):
        return False
    if len(each) > 1 or place == 0 or each == "é":
        return True
    is_last = place == len(written) - 1
    return not is_last and "".join(words(written[place - 1])) not in _CALLED_BY_LETTERS


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) >= _SHORTEST_PLURAL else word


def groups(questions: Sequence[str]) -> list[list[int]]:
    """Places of questions that are about the same, in the order of their first; 0.3 ms each.

    Meant for a thread.
    """
    vectors = vectors_of(questions)
    found: list[list[int]] = []
    for place in range(len(questions)):
        if found:
            heads = vectors[[group[0] for group in found]]
            likeness = heads @ vectors[place]
            best = int(np.argmax(likeness))
            if likeness[best] >= ALIKE:
                found[best].append(place)
                continue
        found.append([place])
    return found
