"""Keys of clients: what the audit log keeps about a person opens as long as their key exists."""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.security.sealing import KEY_BYTES, Place, Seal
from core_api.modules.audit.models import SubjectKey
from core_api.workplace import vault_of
from shared_schemas.ids import OrganizationId, new_id

_KNOWN: Final = "subject_keys"
_COLUMNS: Final = SubjectKey.__table__.c


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A client's key, ready to seal and to open."""

    id: UUID
    seal: Seal


def key_place(organization_id: UUID, key_id: UUID) -> Place:
    """Where the key itself is sealed."""
    return Place(organization_id, key_id, "subject_keys.key")


def _known(session: AsyncSession) -> dict[UUID, OpenKey]:
    """What this transaction has read or made. A savepoint rolled back may take a key with it, and
    what is sealed under one that was never stored is lost: then all are read again."""
    known = cast("dict[UUID, OpenKey] | None", session.info.get(_KNOWN))
    if known is None:
        known = session.info[_KNOWN] = {}
        forget = known.clear
        sa.event.listen(session.sync_session, "after_soft_rollback", lambda *_: forget())
    return known


class SubjectKeys:
    """The keys of one organization's clients, in the caller's transaction, each read once."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._vault = vault_of(session)
        self._known = _known(session)

    async def issue_all(self, client_ids: Sequence[UUID]) -> None:
        """For clients that are new in this transaction and written already: no need to look
        whether they have keys. One statement."""
        made = [self._made(client_id) for client_id in client_ids]
        await self._session.execute(sa.insert(SubjectKey), [row for row, _ in made])
        keys = (key for _, key in made)
        self._known.update(zip(client_ids, keys, strict=True))

    async def of(self, client_id: UUID) -> OpenKey:
        """The client's key; it gets one if it has none."""
        if client_id not in self._known:
            self._known[client_id] = await self._find(client_id) or await self._create(client_id)
        return self._known[client_id]

    async def know(self, client_ids: Collection[UUID]) -> None:
        """Reads the keys of many clients at once, for who is about to change them all."""
        missing = set(client_ids) - self._known.keys()
        if not missing:
            return
        statement = self._mine().add_columns(_COLUMNS.client_id)
        rows = await self._session.execute(statement.where(_COLUMNS.client_id.in_(missing)))
        self._known.update({row.client_id: self._open(row.id, row.key_sealed) for row in rows})

    async def among(self, key_ids: Iterable[UUID]) -> dict[UUID, Seal]:
        """Those of the keys that still exist, by their ids."""
        wanted = set(key_ids)
        if not wanted:
            return {}
        rows = await self._session.execute(self._mine().where(_COLUMNS.id.in_(wanted)))
        return {row.id: self._open(row.id, row.key_sealed).seal for row in rows}

    async def _find(self, client_id: UUID) -> OpenKey | None:
        statement = self._mine().where(_COLUMNS.client_id == client_id)
        row = (await self._session.execute(statement)).one_or_none()
        return None if row is None else self._open(row.id, row.key_sealed)

    async def _create(self, client_id: UUID) -> OpenKey:
        """Two transactions may do it at once: the constraint lets one of the keys be.

        For whoever was erased a trigger keeps none: what is sealed with this one opens for nobody.
        """
        await self._session.flush()  # the client may be new itself
        values, key = self._made(client_id)
        statement = insert(SubjectKey).values(**values).on_conflict_do_nothing()
        written = await self._session.execute(statement.returning(SubjectKey.id))
        if written.one_or_none() is not None:
            return key
        return await self._find(client_id) or key

    def _made(self, client_id: UUID) -> tuple[dict[str, object], OpenKey]:
        key, key_id, now = os.urandom(KEY_BYTES), new_id(), utc_now()
        values = {
            "id": key_id,
            "organization_id": self._organization_id,
            "client_id": client_id,
            "key_sealed": self._vault.seal(key, key_place(self._organization_id, key_id)),
            "created_at": now,
            "updated_at": now,
        }
        return values, OpenKey(key_id, Seal(key))

    def _open(self, key_id: UUID, sealed: bytes) -> OpenKey:
        place = key_place(self._organization_id, key_id)
        return OpenKey(key_id, Seal(self._vault.unseal(sealed, place)))

    def _mine(self) -> sa.Select[UUID, bytes]:
        return sa.select(_COLUMNS.id, _COLUMNS.key_sealed).where(
            _COLUMNS.organization_id == self._organization_id
        )
