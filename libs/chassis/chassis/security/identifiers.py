"""Every way people write one person's values: as patterns over plain text (`PlainText`).

CPF, CNPJ, CEP and phones with any punctuation; e-mails also spelt out; a whole name with or without
its particles, run together too.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chassis.security.plain_text import plain


class Kind(StrEnum):
    """What an identifier is: the word that takes its place."""

    NAME = "nome"
    CPF = "cpf"
    CNPJ = "cnpj"
    EMAIL = "e-mail"
    PHONE = "telefone"
    CEP = "cep"
    ADDRESS = "endereço"
    OTHER = "identificador"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A part of a plain text."""

    start: int
    end: int
    kind: Kind


PARTICLES: Final = frozenset({"da", "de", "do", "das", "dos", "e", "di", "del", "von", "van"})
BEFORE: Final = r"(?<![^\W_])"
AFTER: Final = r"(?![^\W_])"
BETWEEN_WORDS: Final = r"[\s._\-'·]"
_BETWEEN_DIGITS: Final = r"[\s().\-/_]{0,3}"
_LOCAL_DIGITS: Final = 8
_CPF_DIGITS: Final = 11
_BRAZIL: Final = "55"


def is_cnpj(number: str) -> bool:
    """Of a CPF or CNPJ, normalised."""
    return len(number) > _CPF_DIGITS


def spread(characters: str) -> str:
    """With any punctuation between any two characters."""
    between = _BETWEEN_DIGITS.join(re.escape(char) for char in plain(characters))
    return f"{BEFORE}{between}{AFTER}" if between else ""


def cpf(number: str) -> str:
    """A spreadsheet takes leading zeros away."""
    bare = number.lstrip("0")
    shortened = [spread(bare)] if bare != number and len(bare) >= _LOCAL_DIGITS else []
    return "|".join([spread(number), *shortened])


def phone(country: str, national: str) -> str:
    """From the country to the local number alone, the ninth digit there or not. Without a country:
    as it is written."""
    if not country:
        return spread(national) if len(national) >= _LOCAL_DIGITS else ""
    gap = _BETWEEN_DIGITS
    if country != _BRAZIL or len(national) <= _LOCAL_DIGITS:
        joined = gap.join(national)
        return rf"(?<!\d)(?:(?:\+|00)?{gap}{country}{gap})?0?{joined}(?!\d)"
    area, local = national[:2], gap.join(national[2:][-_LOCAL_DIGITS:])
    abroad = rf"(?:(?:\+|00)?{gap}{country}{gap})?"
    carrier = rf"(?:0{gap}\d{{0,2}}{gap})?"
    before = rf"(?:\(?{abroad}{carrier}{gap.join(area)}{gap})?"
    return rf"(?<!\d){before}(?:9{gap})?{local}(?!\d)"


def email(address: str) -> str:
    """Also `julia (arroba) example ponto com`."""
    local, _, domain = plain(address).rpartition("@")
    at = r"\s*(?:@|[\[(]\s*(?:at|arroba)\s*[\])]|\s(?:at|arroba)\s)\s*"
    dot = r"\s*(?:\.|[\[(]\s*(?:dot|ponto)\s*[\])]|\s(?:dot|ponto)\s)\s*"
    pieces = [dot.join(map(re.escape, part.split("."))) for part in (local, domain)]
    return rf"(?<![\w.+-]){pieces[0]}{at}{pieces[1]}(?![\w-])"


def telling_words(name: str) -> list[str]:
    """The words of a name, plain; without particles, unless it is nothing else."""
    words = [word for word in re.split(r"[\W_]+", plain(name)) if word]
    return [word for word in words if word not in PARTICLES] or words


def whole_name(name: str) -> str:
    """All its words in a row."""
    gap = BETWEEN_WORDS + "{0,3}"
    between = rf"{gap}(?:(?:{'|'.join(sorted(PARTICLES))}){gap})?"
    return BEFORE + between.join(map(re.escape, telling_words(name))) + AFTER
