"""Values of custom fields: read as their type wants them, or refused in one line."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from core_api.modules.fields.models import FieldDefinition, FieldType

_TEXT_LENGTH: Final = 2_000
_LARGEST: Final = 10**15  # whole numbers up to here survive JavaScript
_NUMBER: Final = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d+)?|-?\d+([.,]\d+)?", re.ASCII)
_THOUSANDS: Final = re.compile(r"-?\d{1,3}(\.\d{3})+(,\d+)?", re.ASCII)
_DAY: Final = re.compile(r"(\d{2})/(\d{2})/(\d{4})", re.ASCII)


class InvalidValue(ValueError):
    """Not a value of this field; the message says what would be."""


def parse(definition: FieldDefinition, value: Any) -> Any:
    """The value as it is stored; None when there is nothing in it. InvalidValue.

    Numbers and dates may come as text, the way forms and spreadsheets have them.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _PARSERS[definition.type](definition, value)


def _text(definition: FieldDefinition, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidValue(f"{definition.label}: informe um texto.")
    text = unicodedata.normalize("NFC", value).strip()
    if len(text) > _TEXT_LENGTH:
        raise InvalidValue(f"{definition.label}: use até {_TEXT_LENGTH} caracteres.")
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in text):
        raise InvalidValue(f"{definition.label}: remova os caracteres de controle.")
    return text


def _number(definition: FieldDefinition, value: Any) -> int | float:
    if isinstance(value, str):
        value = _number_of(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(f"{definition.label}: informe um número.")
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise InvalidValue(f"{definition.label}: o número é grande demais.")
    return value


def _number_of(text: str) -> int | float | None:
    """Also as written in Brazil: `1.234,50`. `1.234` alone is a decimal, as programs write it."""
    if not _NUMBER.fullmatch(text):
        return None
    if "," in text and _THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    text = text.replace(",", ".")
    if text.count(".") > 1:
        text = text.replace(".", "")
    return float(text) if "." in text else int(text)


def _date(definition: FieldDefinition, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if day := _DAY.fullmatch(text):
        text = "-".join(reversed(day.groups()))
    try:
        return date.fromisoformat(text).isoformat() if len(text) == len("2026-11-21") else _raise()
    except ValueError:
        raise InvalidValue(
            f"{definition.label}: informe uma data, por exemplo 2026-11-21."
        ) from None


def _raise() -> str:
    raise ValueError("another notation of ISO 8601")


def _choice(definition: FieldDefinition, value: Any) -> str:
    wanted = value.strip().casefold() if isinstance(value, str) else None
    for choice in definition.choices:
        if choice.casefold() == wanted:
            return choice
    raise InvalidValue(f"{definition.label}: escolha entre {', '.join(definition.choices)}.")


_PARSERS: Final[Mapping[FieldType, Callable[[FieldDefinition, Any], Any]]] = MappingProxyType(
    {
        FieldType.TEXT: _text,
        FieldType.NUMBER: _number,
        FieldType.DATE: _date,
        FieldType.CHOICE: _choice,
    }
)
