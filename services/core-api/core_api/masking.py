"""What personal data looks like to who may not see it whole."""

import re
from typing import Final

CPF_LENGTH: Final = 11
_SHOWN_DIGITS: Final = 4
_DIGIT: Final = re.compile(r"\d")


def mask_document(number: str) -> str:
    """The middle of a normalised CPF or CNPJ: `***.982.247-**`, `**.ABC.345/01DE-**`."""
    if len(number) == CPF_LENGTH:
        return f"***.{number[3:6]}.{number[6:9]}-**"
    return f"**.{number[2:5]}.{number[5:8]}/{number[8:12]}-**"


def mask_email(address: str) -> str:
    """`julia.prado@example.com` → `j***@example.com`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def mask_phone(number: str) -> str:
    """`+5511987654321` → `+*********4321`, however it is written."""
    hidden = len(_DIGIT.findall(number)) - _SHOWN_DIGITS
    return _DIGIT.sub("*", number, count=hidden) if hidden > 0 else number
