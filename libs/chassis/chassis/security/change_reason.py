"""Why somebody changes something: the header `X-Change-Reason`, for the audit log."""

import unicodedata
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import unquote

from chassis.web.errors import InvalidInput

HEADER: Final = b"x-change-reason"
MAXIMUM_LENGTH: Final = 300


def change_reason(scope: MutableMapping[str, Any]) -> str | None:
    """The reason in clear text, or None. Headers are ASCII: it travels percent-encoded UTF-8."""
    for name, value in scope["headers"]:
        if name == HEADER:
            return _decoded(value.decode("latin-1"))
    return None


def _decoded(text: str) -> str | None:
    try:
        reason = unicodedata.normalize("NFC", unquote(text, errors="strict")).strip()
    except UnicodeDecodeError:
        raise _refused("Envie o motivo em UTF-8 codificado com %.") from None
    if len(reason) > MAXIMUM_LENGTH:
        raise _refused(f"O motivo pode ter até {MAXIMUM_LENGTH} caracteres.")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in reason):
        raise _refused("O motivo contém caracteres de controle. Remova-os.")
    return reason or None


def _refused(message: str) -> InvalidInput:
    return InvalidInput.on("header.x-change-reason", message)
