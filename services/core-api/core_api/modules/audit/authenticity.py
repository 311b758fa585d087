"""What an event says, as bytes: what is attested when it is written, and hashed when it gets its
link. The database may write JSON and numbers its own way; here they read the same again."""

import hashlib
import json
from datetime import UTC
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from chassis.security.sealing import UnknownSealingKey, Vault
from core_api.chain import moment
from core_api.modules.audit.models import Standing

CONTENT: Final = (
    "id",
    "organization_id",
    "occurred_at",
    "actor_id",
    "action",
    "subject_type",
    "subject_id",
    "about",
    "changed",
    "values",
    "reason",
    "reason_sealed",
    "related",
    "request_id",
)
"""Every column but the attestation itself."""


def content_of(event: Any) -> bytes:
    """A row, or the values of one about to be written."""
    said = event if isinstance(event, dict) else {name: getattr(event, name) for name in CONTENT}
    fields = {name: said[name] for name in CONTENT}
    for name in _IDS:
        fields[name] = _id(fields[name])
    fields["occurred_at"] = fields["occurred_at"].astimezone(UTC).isoformat()
    if fields["values"]:
        fields["values"] = _exact(fields["values"])
    return b"audit event\0" + _written(fields).encode()


def content_hash(content: bytes, attested: bytes | None) -> bytes:
    """What the link of an event holds of it."""
    return hashlib.sha256(content + b"\0" + (attested or b"")).digest()


def link_entry(
    organization_id: UUID,
    sequence: int,
    event_id: UUID,
    standing: Standing,
    sealed_at: Any,
    hashed: bytes,
) -> str:
    """What a link says."""
    # Canonical JSON, as `chain.canonical` writes it, by hand: a log has millions of these.
    return (
        f'{{"content":"{hashed.hex()}","event_id":"{event_id}",'
        f'"organization_id":"{organization_id}","sealed_at":"{_moment(sealed_at)}",'
        f'"sequence":{sequence},"standing":"{standing}"}}'
    )


def head_content(organization_id: UUID, sequence: int, hashed: bytes) -> bytes:
    """What is attested of the end of a chain."""
    return b"audit head\0" + organization_id.bytes + sequence.to_bytes(8) + hashed


def standing_of(vault: Vault, content: bytes, attested: bytes | None) -> Standing:
    """How an event without a link stands."""
    if attested is None:
        return Standing.UNATTESTED
    try:
        return Standing.ATTESTED if vault.attests(attested, content) else Standing.REFUSED
    except UnknownSealingKey:
        return Standing.REFUSED  # an event gets its link within seconds, a key is kept for weeks


# json.dumps with options of one's own builds an encoder per call.
_written: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode
_moment: Final = lru_cache(maxsize=64)(moment)  # of all links of one batch the same
_IDS: Final = ("id", "organization_id", "actor_id", "subject_id", "about")


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _exact(value: Any) -> Any:
    """Numbers by their digits: jsonb gives 1e22 back as a whole number, and 1.0 as it was."""
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    digits = format(Decimal(repr(value)), "f")
    if "." in digits:
        digits = digits.rstrip("0").rstrip(".")
    return {"#": "0" if digits in {"-0", ""} else digits}
