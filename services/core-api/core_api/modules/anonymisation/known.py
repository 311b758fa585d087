"""What is known about one person, and every way people write it.

Names whole, in parts and run together, with or without accents; CPF, CNPJ and phones with any
punctuation; e-mails also spelt out; CEP and street. All of it as patterns over plain text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from core_api.modules.anonymisation.plain_text import plain
from core_api.modules.anonymisation.recognisers import Kind, Span, national_digits

_PARTICLES: Final = frozenset({"da", "de", "do", "das", "dos", "e", "di", "del", "von", "van"})
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
_BEFORE: Final = r"(?<![^\W_])"
_AFTER: Final = r"(?![^\W_])"
_BETWEEN_DIGITS: Final = r"[\s().\-/_]{0,3}"
_BETWEEN_WORDS: Final = r"[\s._\-'·]"
_SHORTEST: Final = 3
_SHORTEST_OTHER: Final = 4
_SHORTEST_PHRASE: Final = 8
_LOCAL_DIGITS: Final = 8
_CPF_DIGITS: Final = 11
_BRAZIL: Final = "55"


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
        return frozenset(word for name in self.names for word in _telling_words(name))


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
                (_number(number) for number in sorted(known.documents) if _is_cnpj(number)),
            ),
            (
                Kind.CPF,
                (_cpf(number) for number in sorted(known.documents) if not _is_cnpj(number)),
            ),
            (Kind.PHONE, (_phone(number) for number in sorted(known.phones))),
            (Kind.CEP, (_number(re.sub(r"\D", "", cep)) for cep in sorted(known.ceps) if cep)),
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


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", plain(name)) if word]


def _telling_words(name: str) -> list[str]:
    """Without particles, unless the name is nothing else."""
    words = _words(name)
    return [word for word in words if word not in _PARTICLES] or words


def _names(known: Known) -> Iterator[str]:
    """Whole names first, then any row of their parts, then single parts."""
    words = {word for word in known.words if len(word) > 1 or not word.isascii()}
    telling = {word for word in words if len(word) >= _SHORTEST and word not in _COMMON}
    if not words:
        return
    gap = _BETWEEN_WORDS + "{0,3}"
    particles = "|".join(sorted(_PARTICLES))
    for name in sorted(known.names, key=len, reverse=True):
        parts = _telling_words(name)
        if len("".join(parts)) >= _SHORTEST:
            between = rf"{gap}(?:(?:{particles}){gap})?"
            yield _BEFORE + between.join(map(re.escape, parts)) + _AFTER
    if telling:
        one, more = _any(telling), _any(words)
        initials = _any({word[0] for word in words})
        head = rf"(?:{initials}\.\s?)*"
        row = rf"(?:{gap}(?:(?:{particles}){_BETWEEN_WORDS}{{1,3}})?{more})"
        yield f"{_BEFORE}{head}{one}{row}*{_AFTER}"
        yield f"{_BEFORE}{more}{row}+{_AFTER}"


def _any(words: Iterable[str]) -> str:
    """Longer ones first: a shorter one may begin another."""
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "(?:" + "|".join(map(re.escape, ordered)) + ")"


def _is_cnpj(number: str) -> bool:
    return len(number) > _CPF_DIGITS


def _number(characters: str) -> str:
    """With any punctuation between any two characters."""
    spread = _BETWEEN_DIGITS.join(re.escape(char) for char in plain(characters))
    return f"{_BEFORE}{spread}{_AFTER}" if spread else ""


def _cpf(number: str) -> str:
    """A spreadsheet takes leading zeros away."""
    bare = number.lstrip("0")
    shortened = [_number(bare)] if bare != number and len(bare) >= _LOCAL_DIGITS else []
    return "|".join([_number(number), *shortened])


def _phone(number: str) -> str:
    """From the country to the local number alone, the ninth digit there or not."""
    found = national_digits(number)
    if found is None:
        digits = re.sub(r"\D", "", number)
        return _number(digits) if len(digits) >= _LOCAL_DIGITS else ""
    country, national = found
    gap = _BETWEEN_DIGITS
    if country != _BRAZIL or len(national) <= _LOCAL_DIGITS:
        spread = gap.join(national)
        return rf"(?<!\d)(?:(?:\+|00)?{gap}{country}{gap})?0?{spread}(?!\d)"
    area, local = national[:2], gap.join(national[2:][-_LOCAL_DIGITS:])
    abroad = rf"(?:(?:\+|00)?{gap}{country}{gap})?"
    carrier = rf"(?:0{gap}\d{{0,2}}{gap})?"
    before = rf"(?:\(?{abroad}{carrier}{gap.join(area)}{gap})?"
    return rf"(?<!\d){before}(?:9{gap})?{local}(?!\d)"


def _email(address: str) -> str:
    """Also `julia (arroba) example ponto com`."""
    local, _, domain = plain(address).rpartition("@")
    at = r"\s*(?:@|[\[(]\s*(?:at|arroba)\s*[\])]|\s(?:at|arroba)\s)\s*"
    dot = r"\s*(?:\.|[\[(]\s*(?:dot|ponto)\s*[\])]|\s(?:dot|ponto)\s)\s*"
    pieces = [dot.join(map(re.escape, part.split("."))) for part in (local, domain)]
    whole = rf"(?<![\w.+-]){pieces[0]}{at}{pieces[1]}(?![\w-])"
    if len(local) <= _SHORTEST_OTHER or local in _MAILBOXES:
        return whole
    return rf"{whole}|{_BEFORE}{re.escape(local)}{_AFTER}"


def _addresses(known: Known) -> Iterator[str]:
    for street, number in sorted(known.streets):
        said = _STREET_TYPE.sub("", plain(street)).strip()
        if not said:
            continue
        typed = "" if len(said) > _SHORTEST_OTHER else "+"  # "Rua A" is nothing without its type
        before = rf"(?:{_STREETS}\s+)?" if not typed else rf"{_STREETS}\s+"
        after = rf"(?:[\s,]{{0,3}}(?:n[.º°o]{{0,2}}\s?)?{re.escape(plain(number))}{_AFTER})?"
        yield _BEFORE + before + _spaced(said) + (after if number else "") + _AFTER
    yield from (
        _BEFORE + _spaced(plain(place)) + _AFTER
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
            yield _BEFORE + _spaced(said) + _AFTER


def _spaced(text: str) -> str:
    return r"\s+".join(map(re.escape, text.split()))
