"""CPF and CNPJ: normalised, checked, formatted. CNPJs may be alphanumeric (IN RFB 2.229/2024)."""

import unicodedata
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from stdnum.br import cnpj, cpf
from stdnum.exceptions import ValidationError

from core_api.masking import CPF_LENGTH

_MESSAGES: Final = MappingProxyType(
    {
        "CPF": "CPF inválido. Confira os 11 dígitos.",
        "CNPJ": "CNPJ inválido. Confira os 14 caracteres.",
    }
)


class InvalidTaxId(ValueError):
    """The text is no CPF or CNPJ; the message says which was expected."""


def normalise_cpf(text: str) -> str:
    """The 11 digits: `529.982.247-25` → `52998224725`. InvalidTaxId when the check digits fail."""
    number = _checked(cpf.validate, text, "CPF")
    if len(set(number)) == 1:
        # 111.111.111-11 and its like satisfy the check digits but are never issued.
        raise InvalidTaxId(_MESSAGES["CPF"])
    return number


def normalise_cnpj(text: str) -> str:
    """The 14 characters in upper case. InvalidTaxId when the check digits fail."""
    return _checked(cnpj.validate, text, "CNPJ")


def find(text: str) -> str | None:
    """The CPF or CNPJ that `text` is as a whole, normalised; None when it is neither."""
    for normalise in (normalise_cpf, normalise_cnpj):
        try:
            return normalise(text)
        except InvalidTaxId:
            continue
    return None


def is_personal(number: str) -> bool:
    """Whether a normalised number is a person's; whose a CNPJ is can be read by anybody."""
    return len(number) == CPF_LENGTH


def formatted(number: str) -> str:
    """A normalised number as people write it: `529.982.247-25`, `12.ABC.345/01DE-35`."""
    if len(number) == CPF_LENGTH:
        return f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"
    return f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"


def _checked(validate: Callable[[str], str], text: str, kind: str) -> str:
    # Digits of other scripts would pass `\d` in the library and then never be found again.
    ascii_text = unicodedata.normalize("NFKC", text)
    try:
        number = validate(ascii_text)
    except ValidationError as error:
        raise InvalidTaxId(_MESSAGES[kind]) from error
    if not number.isascii():
        raise InvalidTaxId(_MESSAGES[kind])
    return number
