"""The suppression ledger: who was erased, in the object storage, outside every backup of the
database. One small signed object per client: ids and times, nothing else."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis.data.object_storage import ObjectMissing, ObjectStorage
from core_api.anchoring import Signer
from core_api.modules.erasure.models import Erasure, Mode
from shared_schemas.ids import OrganizationId

FOLDER: Final = "suppression-ledger"
_KIND: Final = "erasure.tombstone"
_LARGEST: Final = 65_536


class TombstoneForged(Exception):
    """An object of the ledger that none of our keys has signed."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Who was erased or anonymised, on which request."""

    organization_id: OrganizationId
    client_id: UUID
    client_ids: tuple[UUID, ...]
    privacy_request_id: UUID
    erasure_id: UUID
    erased_at: str
    is_anonymised: bool
    """The words of their tickets were to stay."""


class SuppressionLedger:
    """Reads and writes the storage: not inside a transaction."""

    def __init__(self, storage: ObjectStorage, signer: Signer) -> None:
        self._storage = storage
        self._signer = signer

    async def keep(self, erasure: Erasure, now: datetime) -> None:
        """Writes a client's tombstone, once: the first one stays."""
        key = key_of(erasure.organization_id, erasure.client_id)
        try:
            await self._storage.read(key)
        except ObjectMissing:
            fields = {
                "kind": _KIND,
                "organization_id": erasure.organization_id,
                "client_id": erasure.client_id,
                "client_ids": sorted(map(str, erasure.client_ids)),
                "privacy_request_id": erasure.privacy_request_id,
                "erasure_id": erasure.id,
                "erased_at": now,
                "mode": erasure.mode,
            }
            content = self._signer.signed(fields)
            await self._storage.put_stream(key, _once(content), max_bytes=_LARGEST)

    async def entries(self) -> AsyncIterator[Tombstone]:
        """Every tombstone there is. TombstoneForged for what was not signed by us: who can write
        there could have anybody erased."""
        async for listed in self._storage.list(FOLDER):
            fields = self._signer.opened(await self._storage.read(listed.key))
            found = _read(fields)
            if found is None or key_of(found.organization_id, found.client_id) != listed.key:
                raise TombstoneForged(listed.key)
            yield found


def key_of(organization_id: OrganizationId, client_id: UUID) -> str:
    """Where a client's tombstone is."""
    return f"{FOLDER}/{organization_id}/{client_id}.json"


def _read(fields: dict[str, Any] | None) -> Tombstone | None:
    if fields is None or fields.get("kind") != _KIND:
        return None
    ids: Sequence[str] = fields["client_ids"]
    return Tombstone(
        organization_id=OrganizationId(UUID(fields["organization_id"])),
        client_id=UUID(fields["client_id"]),
        client_ids=tuple(map(UUID, ids)),
        privacy_request_id=UUID(fields["privacy_request_id"]),
        erasure_id=UUID(fields["erasure_id"]),
        erased_at=str(fields["erased_at"]),
        is_anonymised=fields.get("mode") == Mode.ANONYMIZATION.value,
    )


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
