"""Finding one person in words: by their whole values, however they are written, and nothing else.

What core-api hands over of a person whose erasure is under way is held here, in memory, while texts
are looked through. A name of one word is anybody's, and is not looked for.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from chassis.security.identifiers import (
    Kind,
    Span,
    cpf,
    email,
    is_cnpj,
    phone,
    spread,
    telling_words,
    whole_name,
)
from chassis.security.plain_text import PlainText
from chassis.security.taking_out import TakenOut
from shared_schemas.privacy import KnownValues

_WORDS_OF_A_NAME: Final = 2
_TAIL: Final = 8
"""Of a number: what stands before may be left out."""
_PIECES: Final = re.compile(r"[\W_]+")
_NEITHER: Final = bytes(set(range(256)) - set(b"abcdefghijklmnopqrstuvwxyz0123456789"))


@dataclass(frozen=True, slots=True)
class Naming:
    """What one person is known by, compiled. Those that say most come first."""

    _patterns: tuple[tuple[Kind, re.Pattern[str]], ...]
    _traces: tuple[bytes, ...]
    """Of every value a part that is in each text that names the person: nearly all texts hold none,
    which is told thirty times as fast."""

    @classmethod
    def of(cls, known: KnownValues) -> Self:
        """Nothing known: finds nothing."""
        names = [name for name in known.names if len(telling_words(name)) >= _WORDS_OF_A_NAME]
        ways: list[tuple[Kind, Iterable[str]]] = [
            (Kind.EMAIL, map(email, known.emails)),
            (Kind.CNPJ, (spread(number) for number in known.documents if is_cnpj(number))),
            (Kind.CPF, (cpf(number) for number in known.documents if not is_cnpj(number))),
            (Kind.PHONE, (phone(each.country, each.national) for each in known.phones)),
            (Kind.CEP, (spread(re.sub(r"\D", "", cep)) for cep in known.ceps)),
            (Kind.NAME, map(whole_name, sorted(names, key=len, reverse=True))),
        ]
        joined = [(kind, "|".join(filter(None, each))) for kind, each in ways]
        numbers = [*known.documents, *(each.national for each in known.phones), *known.ceps]
        traces = {_letters(number)[-_TAIL:] for number in numbers}
        traces |= {_longest(telling_words(name)) for name in names}
        traces |= {_longest(_PIECES.split(address.partition("@")[0])) for address in known.emails}
        return cls(
            tuple((kind, re.compile(each)) for kind, each in joined if each),
            tuple(sorted(traces, key=len)),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._patterns

    def taken_out(self, text: str) -> TakenOut:
        """The text with a word in brackets where the person was named."""
        letters = _letters(text)
        if not any(trace in letters for trace in self._traces):
            return TakenOut.of(PlainText(text, "", ()), ())
        seen = PlainText.of(text)
        return TakenOut.of(seen, self._found(seen.plain))

    def without(self, value: Any) -> Any:
        """The same of JSON: of every text in it."""
        if isinstance(value, str):
            return self.taken_out(value).text
        if isinstance(value, Mapping):
            return {name: self.without(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.without(each) for each in value]
        return value

    def is_in(self, values: Iterable[Any]) -> bool:
        """Whether the person is named in any of these texts, or JSON."""
        return any(self.without(value) != value for value in values if value is not None)

    def _found(self, plain: str) -> list[Span]:
        return [
            Span(*found.span(), kind)
            for kind, pattern in self._patterns
            for found in pattern.finditer(plain)
        ]


def _letters(text: str) -> bytes:
    """ASCII letters and digits alone, without case and accents: nothing that patterns let stand
    between two characters is left."""
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore")
    return folded.translate(None, _NEITHER)


def _longest(words: Iterable[str]) -> bytes:
    """Of a name's words or an address's pieces; of what is not written in Latin nothing, which is
    in every text."""
    return max((_letters(word) for word in words), key=len, default=b"")
