"""Credentials of sources: sealed for one row, opened by whoever reads the source, never shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chassis.security.sealing import Place, Seal, SealBroken
from knowledge.failures import CredentialsLost

_NUMBER_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Credentials:
    """Of a bucket. Left out of what objects say about themselves: they end up in logs."""

    access_key_id: str = field(repr=False)
    secret_access_key: str = field(repr=False)


class CredentialSafe:
    """Seals under the key of the highest number; opens what any of the keys has sealed."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        self._seals = {number: Seal(key) for number, key in keys.items()}

    @property
    def can_seal(self) -> bool:
        """Whether the operator has given it a key."""
        return bool(self._seals)

    def seal(self, credentials: Credentials, place: Place) -> bytes:
        """Key number, nonce, ciphertext."""
        number = max(self._seals)
        prefix = number.to_bytes(_NUMBER_BYTES)
        plain = json.dumps([credentials.access_key_id, credentials.secret_access_key]).encode()
        return prefix + self._seals[number].close(plain, prefix + place.bound())

    def open(self, sealed: bytes, place: Place) -> Credentials:
        """Raises CredentialsLost."""
        prefix = sealed[:_NUMBER_BYTES]
        seal = self._seals.get(int.from_bytes(prefix))
        if seal is None:
            raise CredentialsLost
        try:
            plain = seal.open(sealed[_NUMBER_BYTES:], prefix + place.bound())
        except SealBroken as error:
            raise CredentialsLost from error
        access_key_id, secret_access_key = json.loads(plain)
        return Credentials(access_key_id, secret_access_key)
