"""Heads of ledgers, signed and kept outside the database: who rewrites a ledger from some link on
cannot rewrite these. Ed25519 (RFC 8032) over canonical JSON."""

import asyncio
import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from chassis.data.database import Database
from chassis.data.object_storage import ObjectMissing, ObjectStorage
from core_api.modules.consents.ledger import canonical
from core_api.modules.consents.ledger_models import LedgerHead
from core_api.settings import LedgerSettings
from shared_schemas.ids import OrganizationId

_FOLDER: Final = "consent-ledger"
_AT_ONCE: Final = 16
_LARGEST: Final = 4_096


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the storage holds of one organization: hashes by sequence, and how many were forged."""

    hashes: Mapping[int, bytes]
    forged: Sequence[str]


class Signer:
    """The key that signs heads, and those that signed before it."""

    def __init__(self, settings: LedgerSettings) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(settings.seed())
        own = self._key.public_key()
        former = [Ed25519PublicKey.from_public_bytes(key) for key in settings.former_keys()]
        self._known = {_name_of(key): key for key in (own, *former)}
        self._name = _name_of(own)

    def signed(self, fields: Mapping[str, Any]) -> bytes:
        """The object to keep."""
        head = canonical({**fields, "key": self._name})
        signature = base64.b64encode(self._key.sign(head.encode())).decode()
        return json.dumps({"head": head, "signature": signature}).encode()

    def opened(self, kept: bytes) -> dict[str, Any] | None:
        """What was signed, or None where one of our keys did not sign it."""
        try:
            outer = json.loads(kept)
            head, fields = str(outer["head"]), json.loads(outer["head"])
            key = self._known[fields["key"]]
            key.verify(base64.b64decode(outer["signature"], validate=True), head.encode())
        except (ValueError, KeyError, TypeError, binascii.Error, InvalidSignature):
            return None
        return fields if isinstance(fields, dict) else None


async def anchor(
    database: Database,
    storage: ObjectStorage,
    signer: Signer,
    organization_id: OrganizationId,
    now: datetime,
) -> bool:
    """Keeps today's head of an organization; False where it is kept already, or there is none."""
    key = _key(organization_id, now.date())
    try:
        await storage.read(key)
    except ObjectMissing:
        pass
    else:
        return False
    async with database.transaction(organization_id, read_only=True) as session:
        statement = sa.select(LedgerHead.sequence, LedgerHead.hash).where(
            LedgerHead.organization_id == organization_id
        )
        head = (await session.execute(statement)).one_or_none()
    if head is None:
        return False
    signed = signer.signed(
        {
            "organization_id": organization_id,
            "sequence": head.sequence,
            "hash": head.hash.hex(),
            "at": now,
        }
    )
    await storage.put_stream(key, _once(signed), max_bytes=_LARGEST)
    return True


async def anchors_of(
    storage: ObjectStorage, signer: Signer, organization_id: OrganizationId
) -> Anchors:
    """Everything that is kept. Reads the storage: not inside a transaction."""
    keys = [listed.key async for listed in storage.list(f"{organization_id}/{_FOLDER}")]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def read(key: str) -> bytes:
        async with turn:
            return await storage.read(key)

    hashes: dict[int, bytes] = {}
    forged: list[str] = []
    for key, kept in zip(keys, await asyncio.gather(*map(read, keys)), strict=True):
        fields = signer.opened(kept)
        if fields is None or fields.get("organization_id") != str(organization_id):
            forged.append(key.rpartition("/")[2])
        else:
            hashes[int(fields["sequence"])] = bytes.fromhex(fields["hash"])
    hashes.pop(0, None)  # of an empty ledger
    return Anchors(hashes, sorted(forged))


def _key(organization_id: OrganizationId, day: date) -> str:
    return f"{organization_id}/{_FOLDER}/{day.isoformat()}.json"


def _name_of(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
