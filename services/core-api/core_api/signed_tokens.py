"""Tokens in addresses that only we can have written: a few bytes, signed for one purpose."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

_DIGEST_BYTES: Final = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class SignedTokens:
    """One kind of token: HMAC-SHA256 over its purpose and what it says, both as URL-safe Base64.

    The purpose keeps a token of one kind from passing for another under the same key.
    """

    purpose: bytes
    size: int
    """Bytes it says."""
    signature_bytes: int = _DIGEST_BYTES

    def signed(self, said: bytes, key: bytes) -> str:
        """For an URL."""
        return base64.urlsafe_b64encode(said + self._signature(said, key)).rstrip(b"=").decode()

    def opened(self, token: str, key: bytes) -> bytes | None:
        """What it says; None when it is not ours. Nothing is believed before its signature."""
        padded = token + "=" * (-len(token) % 4)
        try:
            raw = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        said, signature = raw[: self.size], raw[self.size :]
        if len(raw) != self.size + self.signature_bytes:
            return None
        return said if hmac.compare_digest(signature, self._signature(said, key)) else None

    def _signature(self, said: bytes, key: bytes) -> bytes:
        return hmac.digest(key, self.purpose + said, "sha256")[: self.signature_bytes]
