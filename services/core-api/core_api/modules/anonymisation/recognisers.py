"""What looks like an identifier of anybody and, where there is a checksum, is one.

Of plain text (`PlainText`). CPF and CNPJ by their check digits (the CNPJ also alphanumeric, IN RFB
2.229/2024), phones by the numbering plan, CEPs by their form and beginning, e-mails by their form.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

import phonenumbers
from phonenumbers import Leniency, PhoneNumberMatcher
from stdnum.br import cnpj, cpf

from chassis.security.identifiers import Kind, Span

_REGION: Final = "BR"
_EMAIL: Final = re.compile(
    r"(?<![\w.+%-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}"
    r"[a-z][a-z0-9-]{0,61}[a-z0-9](?![a-z0-9])"
)
_CPF: Final = re.compile(r"(?<!\d)\d{3}[.\s-]{0,2}\d{3}[.\s-]{0,2}\d{3}[\s./-]{0,3}\d{2}(?!\d)")
_CNPJ: Final = re.compile(
    r"(?<![a-z0-9])(?:[a-z0-9]{2}\.?[a-z0-9]{3}\.?[a-z0-9]{3}/?[a-z0-9]{4}-?\d{2}"
    r"|\d{2}[.\s-]{0,2}\d{3}[.\s-]{0,2}\d{3}[\s/-]{0,3}\d{4}[\s-]{0,3}\d{2})(?![a-z0-9])"
)
_CEP: Final = re.compile(
    r"(?<![\d.,/-])\d{2}\.?\d{3}-\d{3}(?![\d-])"
    r"|(?<=cep)[\s:.no°-]{0,6}(?P<named>\d{2}\.?\d{3}[\s-]?\d{3})(?!\d)"
)
_LOWEST_CEP: Final = 1000  # São Paulo's first: 01000
# Without its area: a mobile is told by its 9; a landline by its hyphen, unless it is two years.
_LOCAL_PHONE: Final = re.compile(
    r"(?<![\d.,/-])(?:9\d{4}[\s.-]?\d{4}|(?!(?:19|20)\d\d-(?:19|20)\d\d)[2-5]\d{3}-\d{4})"
    r"(?![\d/-])(?!\.\d)"
)
_NOT_A_NUMBER: Final = re.compile(r"\W")


def recognised(text: str) -> Iterator[Span]:
    """Every identifier in a plain text; of overlapping ones each."""
    for find in _RECOGNISERS:
        yield from find(text)


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (Span(*found.span(), Kind.EMAIL) for found in _EMAIL.finditer(text))


def _cpfs(text: str) -> Iterator[Span]:
    for found in _overlapping(_CPF, text):
        number = _NOT_A_NUMBER.sub("", found.group())
        # 111.111.111-11 and its like satisfy the check digits and are nobody's.
        if number.isascii() and len(set(number)) > 1 and cpf.is_valid(number):
            yield Span(*found.span(), Kind.CPF)


def _cnpjs(text: str) -> Iterator[Span]:
    for found in _overlapping(_CNPJ, text):
        number = _NOT_A_NUMBER.sub("", found.group()).upper()
        if number.isascii() and len(set(number)) > 1 and cnpj.is_valid(number):
            yield Span(*found.span(), Kind.CNPJ)


def _phones(text: str) -> Iterator[Span]:
    if not any(char.isdigit() for char in text):
        return
    for match in PhoneNumberMatcher(text, _REGION, leniency=Leniency.VALID, max_tries=10_000):
        yield Span(match.start, match.end, Kind.PHONE)
    yield from (Span(*found.span(), Kind.PHONE) for found in _LOCAL_PHONE.finditer(text))


def _ceps(text: str) -> Iterator[Span]:
    for found in _CEP.finditer(text):
        group = "named" if found["named"] else 0
        if int(_NOT_A_NUMBER.sub("", found[group])[:5]) >= _LOWEST_CEP:
            yield Span(*found.span(group), Kind.CEP)


def _overlapping(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Also those that begin within one that turned out to be nothing."""
    start = 0
    while found := pattern.search(text, start):
        yield found
        start = found.start() + 1


_RECOGNISERS: Final[tuple[Callable[[str], Iterator[Span]], ...]] = (
    _emails,
    _cnpjs,
    _cpfs,
    _ceps,  # before phones: some are numbers of services as well
    _phones,
)


def national_digits(number: str) -> tuple[str, str] | None:
    """Country code and national digits of an E.164 number; None when it is not one."""
    try:
        parsed = phonenumbers.parse(number, _REGION)
    except phonenumbers.NumberParseException:
        return None
    return str(parsed.country_code), phonenumbers.national_significant_number(parsed)
