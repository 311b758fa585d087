"""Values in the audit log: made plain enough for JSON, sealed, and opened again."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from chassis.security.sealing import Seal, SealBroken
from core_api.changes import Change
from core_api.masking import mask_document, mask_email, mask_phone


def plain(value: Any) -> Any:
    """As JSON can hold it."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case Mapping():
            return {str(name): plain(item) for name, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case set() | frozenset():
            return sorted(plain(item) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    raise TypeError(f"{type(value).__name__} has no place in the audit log")


def pair(change: Change) -> dict[str, Any]:
    """From what to what."""
    return {"from": plain(change.old), "to": plain(change.new)}


def sealed_pair(change: Change, key_id: UUID, seal: Seal, bound: bytes) -> dict[str, Any]:
    """The same, readable only with the client's key."""
    text = json.dumps(pair(change), ensure_ascii=False).encode()
    return {"key": str(key_id), "sealed": base64.b64encode(seal.close(text, bound)).decode()}


def opened_pair(stored: Mapping[str, Any], seal: Seal | None, bound: bytes) -> dict[str, Any]:
    """What was sealed; `erased` when its key is gone."""
    if "sealed" not in stored:
        return dict(stored)
    try:
        if seal is not None:
            opened: dict[str, Any] = json.loads(
                seal.open(base64.b64decode(stored["sealed"]), bound)
            )
            return opened
    except SealBroken:
        pass  # another key than the one it was written with
    return {"from": None, "to": None, "erased": True}


def sealed_text(text: str, key_id: UUID, seal: Seal, bound: bytes) -> dict[str, str]:
    """Somebody's words, readable only with the client's key."""
    return {
        "key": str(key_id),
        "sealed": base64.b64encode(seal.close(text.encode(), bound)).decode(),
    }


def opened_text(stored: Mapping[str, Any], seal: Seal | None, bound: bytes) -> str | None:
    """What was sealed; None when its key is gone."""
    if seal is None:
        return None
    try:
        return seal.open(base64.b64decode(stored["sealed"]), bound).decode()
    except SealBroken:
        return None


def masked_pair(field: str, opened: Mapping[str, Any], *, contact: bool) -> dict[str, Any]:
    """As a reader may see it. Documents are masked for everybody: whole they are shown where
    revealing is noted; `contact`: whether e-mails and phones are shown whole."""
    mask = _MASKS.get(field)
    if mask is None or (contact and field != "document"):
        return dict(opened)
    return {
        name: mask(value) if value and name != "erased" else value for name, value in opened.items()
    }


def _each(key: str, mask: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda entries: [entry | {key: mask(entry[key])} for entry in entries]


_MASKS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "document": mask_document,
        "email": mask_email,
        "phone": mask_phone,
        "emails": _each("address", mask_email),
        "phones": _each("number", mask_phone),
    }
)


def place_of(organization_id: UUID, event_id: UUID, field: str) -> bytes:
    """What a sealed value is bound to: its event and field."""
    return organization_id.bytes + event_id.bytes + field.encode()
