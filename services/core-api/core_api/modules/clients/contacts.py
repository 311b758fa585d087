"""E-mail addresses and phone numbers as they are stored."""

import re
from typing import Final

import email_validator

_PHONE: Final = re.compile(r"\+?[\d\s().-]+")
_PHONE_DIGITS: Final = range(8, 16)  # E.164 ends at 15


def normalise_email(text: str) -> str:
    """The address in lower case; ValueError when nobody could have it.

    Domains of RFC 2606 (`.test`) are let in: rehearsals of an organization use them.
    """
    try:
        checked = email_validator.validate_email(
            text.strip(), check_deliverability=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise ValueError("E-mail inválido. Confira o endereço.") from None
    return checked.normalized.lower()


def normalise_phone(text: str) -> str:
    """Digits, with `+` where the country was given: `(11) 98765-4321` → `11987654321`."""
    number = phone_digits(text)
    if number is None or len(number.lstrip("+")) not in _PHONE_DIGITS:
        raise ValueError("Telefone inválido. Informe DDD e número, por exemplo (11) 98765-4321.")
    return number


def phone_digits(text: str) -> str | None:
    """What is left of something typed like a phone number, or of a part of one; else None."""
    if not _PHONE.fullmatch(text.strip()):
        return None
    return re.sub(r"[^\d+]", "", text)
