"""Chains of hashes: what every log uses in which nothing can be changed unseen.

Each link holds SHA-256 over the hash of the link before it and its own entry; an entry is canonical
JSON (keys sorted, no spaces, UTF-8; RFC 8785 for what occurs here: text, whole numbers, true).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final
from uuid import UUID

FIRST: Final = bytes(32)
"""What stands before the first link."""
NOBODY: Final = UUID(int=0)
"""Stands for no person where a column is not nullable; an entry leaves it out."""


def canonical(fields: Mapping[str, Any]) -> str:
    """The one way to write these fields; absent, None and NOBODY are the same."""
    known = {name: _plain(value) for name, value in fields.items() if value not in (None, NOBODY)}
    return json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def chained(previous: bytes, entry: str) -> bytes:
    """The hash of a link."""
    return hashlib.sha256(previous + entry.encode()).digest()


def moment(at: datetime) -> str:
    """An instant as entries have it: UTC, with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return moment(value)
    return value
