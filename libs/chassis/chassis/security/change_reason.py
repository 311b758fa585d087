"""Why somebody changes something, or reads what is not theirs to read without one: the headers
`X-Change-Reason` and `X-Access-Reason`, for the audit log."""

import unicodedata
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import unquote

from chassis.web.errors import InvalidInput

HEADERS: Final = frozenset({b"x-change-reason", b"x-access-reason"})
"""Two names of one thing: of a request that reads, the second says it better."""
MAXIMUM_LENGTH: Final = 300


def change_reason(scope: MutableMapping[str, Any]) -> str | None:
    """The reason in clear text, or None. Headers are ASCII: it travels percent-encoded UTF-8."""
    for name, value in scope["headers"]:
        if name in HEADERS:
            return _decoded(name.decode(), value.decode("latin-1"))
    return None


def _decoded(header: str, text: str) -> str | None:
    try:
        reason = unicodedata.normalize("NFC", unquote(text, errors="strict")).strip()
    except UnicodeDecodeError:
        raise _refused(header, "Envie o motivo em UTF-8 codificado com %.") from None
    if len(reason) > MAXIMUM_LENGTH:
        raise _refused(header, f"O motivo pode ter até {MAXIMUM_LENGTH} caracteres.")
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in reason):
        raise _refused(header, "O motivo contém caracteres de controle. Remova-os.")
    return reason or None


def _refused(header: str, message: str) -> InvalidInput:
    return InvalidInput.on(f"header.{header}", message)
