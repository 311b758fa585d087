"""Sealing single fields: AES-256-GCM under versioned keys, and a keyed blind index to find them by.

What is sealed is bound to its place (NIST SP 800-38D, additional authenticated data): moved to
another row, field or organization it does not open. The blind index is an HMAC under a key of its
own, so that equal values are found by equality and nothing else is learnt from it.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.settings import SealingSettings

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 2
_ATTESTING: Final = b"cogep.attest.1"


class SealBroken(Exception):
    """Not sealed for this place, not with this key, or damaged."""


class UnknownSealingKey(SealBroken):
    """Sealed under a key that FIELD_KEYS no longer holds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives: nowhere else does it open."""

    organization_id: UUID
    row_id: UUID
    field: str

    def bound(self) -> bytes:
        """The bytes that are authenticated, not encrypted. The ids have a fixed length."""
        return self.organization_id.bytes + self.row_id.bytes + self.field.encode()


class Seal:
    """One key."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, plain: bytes, bound: bytes) -> bytes:
        """Nonce and ciphertext. The nonce is random: a key is good for 2³² values."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, bound)

    def open(self, sealed: bytes, bound: bytes) -> bytes:
        """The plain bytes, or SealBroken."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise SealBroken("it does not open here with this key") from None


class Vault:
    """The process's keys. Values carry the number of theirs: old ones open until it is removed."""

    def __init__(self, settings: SealingSettings) -> None:
        keys = settings.key_bytes()
        self._seals = {number: Seal(key) for number, key in keys.items()}
        # One key, one use (NIST SP 800-108): what is sealed and what is attested never share one.
        self._attesting = {
            number: hmac.digest(key, _ATTESTING, hashlib.sha256) for number, key in keys.items()
        }
        self._current = settings.current
        self._index_key = settings.index_key_bytes()

    @property
    def current(self) -> int:
        """The number of the key that seals."""
        return self._current

    def seal(self, plain: bytes, place: Place) -> bytes:
        """Key number, nonce, ciphertext."""
        number = self._current.to_bytes(_NUMBER_BYTES)
        return number + self._seals[self._current].close(plain, number + place.bound())

    def unseal(self, sealed: bytes, place: Place) -> bytes:
        """What was sealed for this place; SealBroken, UnknownSealingKey."""
        number = sealed[:_NUMBER_BYTES]
        seal = self._seals.get(key_number(sealed))
        if seal is None:
            raise UnknownSealingKey(f"FIELD_KEYS holds no key {key_number(sealed)}")
        return seal.open(sealed[_NUMBER_BYTES:], number + place.bound())

    def attest(self, message: bytes) -> bytes:
        """Key number and HMAC-SHA-256: nobody without the keys can make it for another message."""
        return self._current.to_bytes(_NUMBER_BYTES) + self._attested(self._current, message)

    def attests(self, attested: bytes, message: bytes) -> bool:
        """Whether `attest` made it for this message; UnknownSealingKey where its key is gone."""
        number = key_number(attested)
        if number not in self._attesting:
            raise UnknownSealingKey(f"FIELD_KEYS holds no key {number}")
        return hmac.compare_digest(attested[_NUMBER_BYTES:], self._attested(number, message))

    def _attested(self, number: int, message: bytes) -> bytes:
        return hmac.digest(self._attesting[number], message, hashlib.sha256)

    def blind_index(self, organization_id: UUID, field: str, value: str) -> bytes:
        """32 bytes, equal for equal values of one field in one organization."""
        message = b"\0".join((organization_id.bytes, field.encode(), value.encode()))
        return hmac.digest(self._index_key, message, hashlib.sha256)


def key_number(sealed: bytes) -> int:
    """Under which key it is sealed."""
    return int.from_bytes(sealed[:_NUMBER_BYTES])
