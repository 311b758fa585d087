"""Signed statements: what was said, to the letter, with an Ed25519 signature (RFC 8032) of it.

`{"head": "<canonical JSON>", "signature": "<base64>"}`; the head names the key that signed it. What
else stands beside the two is for people and not believed.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def signed_head(head: str, key: Ed25519PrivateKey) -> dict[str, str]:
    """The statement whose head this is."""
    signature = base64.b64encode(key.sign(head.encode())).decode()
    return {"head": head, "signature": signature}


def opened_head(kept: bytes | str, known: Mapping[str, Ed25519PublicKey]) -> dict[str, Any] | None:
    """What was signed, or None where none of the known keys, by their names, signed it."""
    try:
        outer = json.loads(kept)
        head, fields = str(outer["head"]), json.loads(outer["head"])
        key = known[fields["key"]]
        key.verify(base64.b64decode(outer["signature"], validate=True), head.encode())
    except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def key_name(key: Ed25519PublicKey) -> str:
    """What statements call the key that signed them."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def by_name(keys: Iterable[Ed25519PublicKey]) -> dict[str, Ed25519PublicKey]:
    """For `opened_head`."""
    return {key_name(key): key for key in keys}
