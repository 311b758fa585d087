"""What a search box's text asks the index for. The same terms as the SQL function
`crm.client_terms` makes of a client."""

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

from core_api.folding import fold
from core_api.modules.clients.contacts.normalising import phone_digits

_BETWEEN_WORDS: Final = re.compile(r"[\x01-\x2f\x3a-\x60\x7b-\x7f]+")
_WORDS: Final = 8
PARTICLES: Final = frozenset({"da", "de", "do", "das", "dos", "e"})
_PART: Final = 3
_PHONE_PART: Final = 4


@dataclass(frozen=True, slots=True)
class Word:
    """Something between two spaces: words of names, and perhaps digits of a phone."""

    text: str
    names: tuple[str, ...]
    digits: str | None

    @classmethod
    def of(cls, text: str) -> Self:
        """Of folded text."""
        return cls(text, tuple(name_words(text)), _digits(text))


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody looks for. Without `contact` nothing is found by e-mail, phone or
    CPF."""

    text: str
    folded: str
    words: tuple[Word, ...]
    digits: str | None
    """The whole text as a phone or part of one."""
    contact: bool

    @classmethod
    def of(cls, text: str, *, contact: bool) -> Self:
        """Folds and splits what was typed."""
        folded = " ".join(fold(text).split())
        *typed, last = folded.split()[:_WORDS] or [""]
        # They are in every other name; the last word may still be the beginning of another one.
        telling = [word for word in typed if word not in PARTICLES]
        words = tuple(Word.of(word) for word in [*telling, last])
        return cls(text.strip(), folded, words, _digits(folded) if contact else None, contact)


class Terms:
    """Queries of one organization's terms."""

    def __init__(self, organization_id: UUID) -> None:
        self.own = own_key(organization_id)

    def whole_contact(self, question: Question) -> str | None:
        """The text as somebody's whole e-mail or phone."""
        if not question.contact:
            return None
        terms = [self._identity("m", question.text.lower())] if "@" in question.text else []
        if question.digits:
            terms += [self._identity("t", f"+{code}{question.digits}") for code in ("", "55")]
        return _any(terms)

    def beginnings(self, question: Question) -> str | None:
        """Every word begins a word of the name."""
        names = [name for word in question.words for name in word.names]
        return _all(self._begins(name) for name in names)

    def anywhere(self, question: Question) -> str | None:
        """Every word is somewhere in the name, e-mail, phone or external id."""
        words = [self._anywhere(word, question) for word in question.words]
        phone = self._parts("p", question.digits, _PHONE_PART) if question.digits else None
        return _any([_all(words) if all(words) else None, phone])

    def nearly(self, question: Question, similar: Callable[[str], Iterable[str]]) -> str | None:
        """Every word begins a word of the name, or one of the `similar` words is in its place."""
        return _all(
            _any([self._begins(name), *(self._term("n", other) for other in similar(name))])
            for word in question.words
            for name in word.names
        )

    def _anywhere(self, word: Word, question: Question) -> str | None:
        kinds = "ex" if question.contact else "x"
        return _any(
            [
                _all(self._inside(name) for name in word.names),
                *(self._parts(kind, word.text, _PART) for kind in kinds),
                self._parts("p", word.digits, _PHONE_PART) if question.contact else None,
            ]
        )

    def _inside(self, name: str) -> str | None:
        return _any([self._begins(name), self._parts("g", name, _PART)])

    def _begins(self, name: str) -> str:
        return f"{self._term('n', name)}:*"

    def _parts(self, kind: str, text: str | None, size: int) -> str | None:
        """Side by side and the last ones: they cover the text, and fewer are quicker to look up."""
        if text is None or len(text) < size:
            return None
        places = [*range(0, len(text) - size, size), len(text) - size]
        return _all(self._term(kind, text[place : place + size]) for place in places)

    def _identity(self, kind: str, value: str) -> str:
        return self._term(kind, _md5(value)[:16])

    def _term(self, kind: str, text: str) -> str:
        quoted = text.replace("\\", "\\\\").replace("'", "''")
        return f"'{self.own}{kind}{quoted}'"


def own_key(organization_id: UUID) -> str:
    """What all terms of an organization begin with."""
    return _md5(str(organization_id))[:8]


def name_words(text: str) -> list[str]:
    """The words of folded text, as `crm.name_words`."""
    return [word for word in _BETWEEN_WORDS.split(text) if word]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _digits(text: str) -> str | None:
    digits = (phone_digits(text) or "").lstrip("+0")
    return digits if len(digits) >= _PHONE_PART else None


def _all(queries: Iterable[str | None]) -> str | None:
    return _joined(" & ", queries)


def _any(queries: Iterable[str | None]) -> str | None:
    return _joined(" | ", queries)


def _joined(by: str, queries: Iterable[str | None]) -> str | None:
    given = list(dict.fromkeys(query for query in queries if query))
    return f"({by.join(given)})" if given else None
