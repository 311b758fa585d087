"""What an event says, as bytes: what is attested when it is written, and hashed when it gets its
link. The database may write JSON and numbers its own way; here they read the same again."""

import hashlib
import json
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from chassis.security.sealing import UnknownSealingKey, Vault
from core_api.chain import canonical, moment
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
    fields = {
        **{name: said[name] for name in CONTENT},
        **{name: _id(said[name]) for name in _IDS},
        "occurred_at": moment(said["occurred_at"]),
        "values": None if said["values"] is None else _exact(said["values"]),
    }
    written = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return b"audit event\0" + written.encode()


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
    return canonical(
        {
            "organization_id": organization_id,
            "sequence": sequence,
            "event_id": event_id,
            "standing": standing,
            "sealed_at": sealed_at,
            "content": hashed.hex(),
        }
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
