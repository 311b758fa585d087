"""E-mail addresses and phone numbers as they are stored, and as they are shown."""

import re
from functools import lru_cache
from typing import Final

import email_validator
import phonenumbers
from phonenumbers import PhoneNumberFormat

_REGION: Final = "BR"
_COUNTRY: Final = 55
_PHONE: Final = re.compile(r"\+?[\d\s().\-\u2010-\u2015]+")
_ABROAD: Final = re.compile(r"\(?00")
_UNSEEN: Final = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF])
"""What comes along when a number is copied from an address book or a chat."""
_MASK: Final = "***@"
_BRAZILIAN: Final = re.compile(r"\+55([1-9][1-9])(\d{4,5})(\d{4})")


def normalise_email(text: str) -> str:
    """The address in lower case; ValueError when nobody could have it.

    Domains of RFC 2606 (`.test`) are let in: rehearsals of an organization use them.
    """
    try:
        if _MASK in text:  # it is valid, but only ever comes from a masked list
            raise email_validator.EmailSyntaxError("masked")
        checked = email_validator.validate_email(
            text.strip(), check_deliverability=False, test_environment=True
        )
    except email_validator.EmailNotValidError:
        raise ValueError("E-mail inválido. Confira o endereço.") from None
    return checked.normalized.lower()


def normalise_phone(text: str) -> str:
    """E.164; without a country it is a Brazilian one: `(11) 98765-4321` → `+5511987654321`."""
    number = _parsed(text)
    if number is None:
        raise ValueError("Telefone inválido. Informe DDD e número, por exemplo (11) 98765-4321.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def phone_display(number: str) -> str:
    """As people in Brazil read it: `(11) 98765-4321`, `+351 21 123 4567`."""
    usual = _BRAZILIAN.fullmatch(number)
    return "({}) {}-{}".format(*usual.groups()) if usual else _formatted(number)


def phone_digits(text: str) -> str | None:
    """What is left of something typed like a phone number, or of a part of one; else None."""
    if not _PHONE.fullmatch(text.strip()):
        return None
    return re.sub(r"[^\d+]", "", text)


def _parsed(text: str) -> phonenumbers.PhoneNumber | None:
    """None unless there are such numbers, with the area."""
    text = text.translate(_UNSEEN).strip()
    if not _PHONE.fullmatch(text):
        return None
    number = _dialled_abroad(text) or _read(text)
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _dialled_abroad(text: str) -> phonenumbers.PhoneNumber | None:
    """`0055 11 …`, `00351 …`: 00 and a country. From Brazil a carrier would stand in between."""
    if not _ABROAD.match(text):
        return None
    number = _read("+" + re.sub(r"\D", "", text)[2:])
    return number if number is not None and phonenumbers.is_valid_number(number) else None


def _read(text: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, _REGION)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def _formatted(number: str) -> str:
    parsed = _read(number) if number.startswith("+") else None
    if parsed is None:
        return number  # as somebody wrote it, before numbers were checked
    national = parsed.country_code == _COUNTRY
    kind = PhoneNumberFormat.NATIONAL if national else PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, kind)
