"""Sealing what is sealed under older keys anew, in small transactions, while everybody works."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.security.sealing import SealBroken, Vault, key_number
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.audit.subject_keys import key_place
from core_api.modules.clients import documents
from shared_schemas.ids import OrganizationId

_BATCH: Final = 500
_PASSES: Final = 20
_FIRST: Final = UUID(int=0)

_DOCUMENTS: Final = sa.text(
    """
    SELECT id, document, document_sealed AS sealed, document_index AS found_by FROM crm.clients
    WHERE organization_id = :organization_id AND id > :after
      AND (document_sealed IS NOT NULL OR document IS NOT NULL)
    ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    """
)
_KEYS: Final = sa.text(
    """
    SELECT id, key_sealed AS sealed FROM crm.subject_keys
    WHERE organization_id = :organization_id AND id > :after
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    """
)
# `version` and `updated_at` stay: nobody changed anything a reader could see.
_WRITE_DOCUMENTS: Final = sa.text(
    """
    UPDATE crm.clients
    SET document = NULL, document_sealed = new.sealed, document_index = new.found_by
    FROM unnest(:ids, :sealed, :found_by) AS new (id, sealed, found_by)
    WHERE organization_id = :organization_id AND clients.id = new.id
    """
).bindparams(
    sa.bindparam("ids", type_=ARRAY(sa.Uuid())),
    sa.bindparam("sealed", type_=ARRAY(BYTEA())),
    sa.bindparam("found_by", type_=ARRAY(BYTEA())),
)
_WRITE_KEYS: Final = sa.text(
    """
    UPDATE crm.subject_keys SET key_sealed = new.sealed
    FROM unnest(:ids, :sealed) AS new (id, sealed)
    WHERE organization_id = :organization_id AND subject_keys.id = new.id
    """
).bindparams(
    sa.bindparam("ids", type_=ARRAY(sa.Uuid())), sa.bindparam("sealed", type_=ARRAY(BYTEA()))
)
_STALE: Final = sa.text(
    """
    SELECT
      (SELECT count(*) FROM crm.clients WHERE organization_id = :organization_id
         AND (document IS NOT NULL OR substring(document_sealed FROM 1 FOR 2) <> :current))
      + (SELECT count(*) FROM crm.subject_keys WHERE organization_id = :organization_id
         AND substring(key_sealed FROM 1 FOR 2) <> :current)
    """
).bindparams(sa.bindparam("current", type_=BYTEA()))


@dataclass(kw_only=True)
class Rotated:
    """What one organization's rotation has done."""

    documents: int = 0
    keys: int = 0
    stale: int = 0
    """Still under another key, because somebody held them: run it again."""
    broken: set[UUID] = field(default_factory=set)
    """Rows that do not open with any key there is."""


class KeyRotation:
    """Goes through the organizations one after the other; stopped, it starts again and finds less
    to do."""

    def __init__(
        self, database: Database, vault: Vault, *, run_id: str, batch: int = _BATCH
    ) -> None:
        self._database = database
        self._vault = vault
        self._run_id = run_id
        self._batch = batch

    async def rotate(self, organization_id: OrganizationId) -> Rotated:
        """Opens everything that is sealed, and seals anew what is not under the current key."""
        done = Rotated()
        for _ in range(_PASSES):
            await self._pass(organization_id, done)
            done.stale = await self._count_stale(organization_id)
            if done.stale <= len(done.broken):  # no pass will open those
                break
        if done.documents or done.keys:
            await self._note(organization_id, done)
        return done

    async def _pass(self, organization_id: OrganizationId, done: Rotated) -> None:
        for page in (self._documents, self._keys):
            after: UUID | None = _FIRST
            while after is not None:
                after = await page(organization_id, after, done)

    async def _documents(
        self, organization_id: OrganizationId, after: UUID, done: Rotated
    ) -> UUID | None:
        """One page; where the next begins."""
        async with self._database.transaction(organization_id) as tx:
            rows = await self._locked(tx, _DOCUMENTS, organization_id, after)
            new = [new for row in rows if (new := self._document(organization_id, row, done))]
            if new:
                ids, sealed, found_by = map(list, zip(*new, strict=True))
                given = {"organization_id": organization_id, "ids": ids, "sealed": sealed}
                await tx.execute(_WRITE_DOCUMENTS, given | {"found_by": found_by})
        done.documents += len(new)
        return rows[-1].id if rows else None

    async def _keys(
        self, organization_id: OrganizationId, after: UUID, done: Rotated
    ) -> UUID | None:
        async with self._database.transaction(organization_id) as tx:
            rows = await self._locked(tx, _KEYS, organization_id, after)
            new = [new for row in rows if (new := self._key(organization_id, row, done))]
            if new:
                ids, sealed = map(list, zip(*new, strict=True))
                given = {"organization_id": organization_id, "ids": ids, "sealed": sealed}
                await tx.execute(_WRITE_KEYS, given)
        done.keys += len(new)
        return rows[-1].id if rows else None

    async def _locked(
        self,
        tx: AsyncSession,
        statement: sa.TextClause,
        organization_id: OrganizationId,
        after: UUID,
    ) -> Sequence[Any]:
        """Rows somebody works on are left out, so that nobody waits: the next pass finds them."""
        given = {"organization_id": organization_id, "after": after, "limit": self._batch}
        return (await tx.execute(statement, given)).all()

    def _document(
        self, organization_id: OrganizationId, row: Any, done: Rotated
    ) -> tuple[UUID, bytes, bytes] | None:
        """The row's id, sealed number and index, when they are not as they should be."""
        place = documents.place_of(organization_id, row.id)
        number = row.document  # of a replica of the version before; newer than what is sealed
        try:
            if number is None:
                number = self._vault.unseal(row.sealed, place).decode()
        except SealBroken:
            done.broken.add(row.id)
            return None
        found_by = documents.index_of(self._vault, organization_id, number)
        fresh = row.document is None and key_number(row.sealed) == self._vault.current
        if fresh and row.found_by == found_by:
            return None
        return row.id, self._vault.seal(number.encode(), place), found_by

    def _key(
        self, organization_id: OrganizationId, row: Any, done: Rotated
    ) -> tuple[UUID, bytes] | None:
        place = key_place(organization_id, row.id)
        try:
            key = self._vault.unseal(row.sealed, place)
        except SealBroken:
            done.broken.add(row.id)
            return None
        if key_number(row.sealed) == self._vault.current:
            return None
        return row.id, self._vault.seal(key, place)

    async def _count_stale(self, organization_id: OrganizationId) -> int:
        current = self._vault.current.to_bytes(2)
        async with self._database.transaction(organization_id, read_only=True) as tx:
            given = {"organization_id": organization_id, "current": current}
            return (await tx.scalar(_STALE, given)) or 0

    async def _note(self, organization_id: OrganizationId, done: Rotated) -> None:
        async with self._database.transaction(organization_id) as tx:
            audit.record_by_system(
                tx,
                organization_id,
                "sealing_key.rotated",
                organization_id,
                changes=made(
                    {
                        "key": self._vault.current,
                        "documents": done.documents,
                        "subject_keys": done.keys,
                    }
                ),
                reason="python -m core_api.rotate_keys",
                run_id=self._run_id,
            )
