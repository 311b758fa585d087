"""What is known about one person, and every way people write it.

Names whole, in parts and run together, with or without accents; CPF, CNPJ and phones with any
punctuation; e-mails also spelt out; CEP and street. All of it as patterns over plain text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from chassis.security.identifiers import (
    AFTER,
    BEFORE,
    BETWEEN_WORDS,
    PARTICLES,
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
from chassis.security.plain_text import plain
from core_api.modules.anonymisation.recognisers import national_digits

_COMMON: Final = frozenset(
    {"ltda", "epp", "eireli", "mei", "cia", "sociedade", "comercio", "comercial", "servicos"}
    | {"industria", "empresa", "associacao", "instituto", "grupo", "brasil", "filho", "filha"}
    | {"neto", "neta", "junior", "sobrinho", "para", "com", "por", "dona", "senhor", "senhora"}
)
"""Parts of names that name nobody by themselves."""
_MAILBOXES: Final = frozenset(
    {"contato", "atendimento", "financeiro", "vendas", "suporte", "comercial", "secretaria"}
    | {"administracao", "faleconosco", "ouvidoria", "gabinete", "info", "email", "mail"}
)
_STREETS: Final = (
    r"(?:rua|r\.|avenida|av\.?|travessa|tv\.?|alameda|al\.|praca|pca\.?|estrada|rodovia|rod\.)"
)
_STREET_TYPE: Final = re.compile(rf"^{_STREETS}\s+")
_SHORTEST: Final = 3
_SHORTEST_OTHER: Final = 4
_SHORTEST_PHRASE: Final = 8


@dataclass(frozen=True, kw_only=True)
class Known:
    """Values that belong to one person, of now and of before."""

    names: frozenset[str] = frozenset()
    documents: frozenset[str] = frozenset()
    """CPF or CNPJ, normalised."""
    emails: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    """E.164."""
    ceps: frozenset[str] = frozenset()
    streets: frozenset[tuple[str, str]] = frozenset()
    """Street and number; the number may be empty."""
    places: frozenset[str] = frozenset()
    """Complements and districts."""
    others: frozenset[str] = frozenset()
    """Ids of other systems, values of custom fields."""

    def __or__(self, other: "Known") -> "Known":
        names = self.__dataclass_fields__
        return Known(**{name: getattr(self, name) | getattr(other, name) for name in names})

    @property
    def written(self) -> frozenset[str]:
        """All values, plain."""
        single = self.names | self.documents | self.emails | self.phones | self.ceps
        streets = {street for street, _ in self.streets}
        return frozenset(map(plain, single | streets | self.places | self.others))

    @property
    def words(self) -> frozenset[str]:
        """The words of names, plain: what indexes of words may hold of them."""
        return frozenset(word for name in self.names for word in telling_words(name))


@dataclass(frozen=True, slots=True)
class Patterns:
    """The patterns of one person, compiled."""

    compiled: tuple[tuple[Kind, re.Pattern[str]], ...] = field(default=())

    @classmethod
    def of(cls, known: Known) -> "Patterns":
        """Those that recognise most come first."""
        sources: list[tuple[Kind, Iterable[str]]] = [
            (Kind.EMAIL, (_email(address) for address in sorted(known.emails))),
            (
                Kind.CNPJ,
                (spread(number) for number in sorted(known.documents) if is_cnpj(number)),
            ),
            (
                Kind.CPF,
                (cpf(number) for number in sorted(known.documents) if not is_cnpj(number)),
            ),
            (Kind.PHONE, (_phone(number) for number in sorted(known.phones))),
            (Kind.CEP, (spread(re.sub(r"\D", "", cep)) for cep in sorted(known.ceps) if cep)),
            (Kind.ADDRESS, _addresses(known)),
            (Kind.OTHER, _others(known)),
            (Kind.NAME, _names(known)),
        ]
        compiled = []
        for kind, patterns in sources:
            joined = "|".join(pattern for pattern in patterns if pattern)
            if joined:
                compiled.append((kind, re.compile(joined)))
        return cls(tuple(compiled))

    def find(self, text: str) -> Iterator[Span]:
        """Every occurrence in a plain text."""
        for kind, pattern in self.compiled:
            yield from (Span(*found.span(), kind) for found in pattern.finditer(text))


def _names(known: Known) -> Iterator[str]:
    """Whole names first, then any row of their parts, then single parts."""
    words = {word for word in known.words if len(word) > 1 or not word.isascii()}
    telling = {word for word in words if len(word) >= _SHORTEST and word not in _COMMON}
    if not words:
        return
    gap = BETWEEN_WORDS + "{0,3}"
    particles = "|".join(sorted(PARTICLES))
    for name in sorted(known.names, key=len, reverse=True):
        if len("".join(telling_words(name))) >= _SHORTEST:
            yield whole_name(name)
    if telling:
        one, more = _any(telling), _any(words)
        initials = _any({word[0] for word in words})
        head = rf"(?:{initials}\.\s?)*"
        row = rf"(?:{gap}(?:(?:{particles}){BETWEEN_WORDS}{{1,3}})?{more})"
        yield f"{BEFORE}{head}{one}{row}*{AFTER}"
        yield f"{BEFORE}{more}{row}+{AFTER}"


def _any(words: Iterable[str]) -> str:
    """Longer ones first: a shorter one may begin another."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "(?:" + "|".join(map(re.escape, ordered)) + ")"


def _phone(number: str) -> str:
    found = national_digits(number)
    return phone(*found) if found is not None else phone("", re.sub(r"\D", "", number))


def _email(address: str) -> str:
    """Its beginning alone, too, unless that is anybody's."""
    local = plain(address).rpartition("@")[0]
    if len(local) <= _SHORTEST_OTHER or local in _MAILBOXES:
        return email(address)
    return rf"{email(address)}|{BEFORE}{re.escape(local)}{AFTER}"


def _addresses(known: Known) -> Iterator[str]:
    for street, number in sorted(known.streets):
        said = _STREET_TYPE.sub("", plain(street)).strip()
        if not said:
            continue
        typed = "" if len(said) > _SHORTEST_OTHER else "+"  # "Rua A" is nothing without its type
        before = rf"(?:{_STREETS}\s+)?" if not typed else rf"{_STREETS}\s+"
        after = rf"(?:[\s,]{{0,3}}(?:n[.º°o]{{0,2}}\s?)?{re.escape(plain(number))}{AFTER})?"
        yield BEFORE + before + _spaced(said) + (after if number else "") + AFTER
    yield from (
        BEFORE + _spaced(plain(place)) + AFTER
        for place in sorted(known.places)
        if len(place) > _SHORTEST_OTHER
    )


def _others(known: Known) -> Iterator[str]:
    for value in sorted(known.others, key=len, reverse=True):
        said = plain(value).strip()
        has_digits = any(char.isdigit() for char in said)
        if len(said) >= (_SHORTEST_OTHER if has_digits else _SHORTEST_PHRASE) and (
            has_digits or " " in said
        ):
            yield BEFORE + _spaced(said) + AFTER


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))
