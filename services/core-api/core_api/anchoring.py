"""Heads of chains, signed and kept outside the database: who rewrites a chain from some link on
cannot rewrite these. Ed25519 (RFC 8032) over canonical JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.data.object_storage import ObjectMissing, ObjectStorage
from chassis.security.statements import by_name, key_name, opened_head, signed_head
from core_api.chain import canonical
from core_api.settings import LedgerSettings
from shared_schemas.ids import OrganizationId

CONSENT_LEDGER: Final = "consent-ledger"
AUDIT_LOG: Final = "audit-log"
_AT_ONCE: Final = 16
_LARGEST: Final = 4_096


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends."""

    sequence: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the storage holds of one chain: hashes by sequence, and which ones were forged."""

    hashes: Mapping[int, bytes]
    forged: Sequence[str]


class Signer:
    """The key that signs heads, and those that signed before it."""

    def __init__(self, settings: LedgerSettings) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(settings.seed())
        own = self._key.public_key()
        former = [Ed25519PublicKey.from_public_bytes(key) for key in settings.former_keys()]
        self._known = by_name((own, *former))
        self._name = key_name(own)

    def signed(self, fields: Mapping[str, Any]) -> bytes:
        """The object to keep."""
        head = canonical({**fields, "key": self._name})
        return json.dumps(signed_head(head, self._key)).encode()

    def opened(self, kept: bytes) -> dict[str, Any] | None:
        """What was signed, or None where one of our keys did not sign it."""
        return opened_head(kept, self._known)


class AnchorPlace:
    """Where the heads of one chain of one organization are kept. Every method reads the storage:
    none belongs inside a transaction."""

    def __init__(
        self, storage: ObjectStorage, signer: Signer, chain: str, organization_id: OrganizationId
    ) -> None:
        self._storage = storage
        self._signer = signer
        self._chain = chain
        self._organization_id = organization_id

    async def is_kept(self, day: date) -> bool:
        """Whether the head of that day is there."""
        try:
            await self._storage.read(self._key(day))
        except ObjectMissing:
            return False
        return True

    async def keep(self, head: Head, now: datetime) -> None:
        """Keeps today's head."""
        fields = {
            "organization_id": self._organization_id,
            "sequence": head.sequence,
            "hash": head.hash.hex(),
            "at": now,
        }
        if self._chain != CONSENT_LEDGER:  # whose heads were kept before there was another chain
            fields["chain"] = self._chain
        signed = self._signer.signed(fields)
        await self._storage.put_stream(self._key(now.date()), _once(signed), max_bytes=_LARGEST)

    async def all(self) -> Anchors:
        """Everything that is kept."""
        prefix = f"{self._organization_id}/{self._chain}"
        keys = [listed.key async for listed in self._storage.list(prefix)]
        turn = asyncio.Semaphore(_AT_ONCE)

        async def read(key: str) -> bytes:
            async with turn:
                return await self._storage.read(key)

        hashes: dict[int, bytes] = {}
        forged: list[str] = []
        for key, kept in zip(keys, await asyncio.gather(*map(read, keys)), strict=True):
            fields = self._signer.opened(kept)
            if fields is None or not self._is_ours(fields):
                forged.append(key.rpartition("/")[2])
            else:
                hashes[int(fields["sequence"])] = bytes.fromhex(fields["hash"])
        hashes.pop(0, None)  # of an empty chain
        return Anchors(hashes, sorted(forged))

    def _is_ours(self, fields: Mapping[str, Any]) -> bool:
        chain = fields.get("chain", CONSENT_LEDGER)
        return chain == self._chain and fields.get("organization_id") == str(self._organization_id)

    def _key(self, day: date) -> str:
        return f"{self._organization_id}/{self._chain}/{day.isoformat()}.json"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
