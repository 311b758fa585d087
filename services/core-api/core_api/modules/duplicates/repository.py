"""Merges of one organization, its clients two at a time, and pairs known to be two."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.clients.exceptions import ClientMerged, ClientNotFound
from core_api.modules.clients.models import Client
from core_api.modules.duplicates.exceptions import MergeNotFound
from core_api.modules.duplicates.models import ClientDistinction, ClientMerge
from shared_schemas.ids import OrganizationId, UserId

NEWEST_FIRST: Final = Keyset(
    name="-created_at",
    column=ClientMerge.created_at,
    id=ClientMerge.id,
    parse=datetime.fromisoformat,
)


class Pairs:
    """Two clients of one organization at a time."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, one: UUID, other: UUID, *, lock: bool) -> tuple[Client, Client]:
        """Both, locked in the order of their ids; ClientNotFound, ClientMerged."""
        found = await self.known(one, other, lock=lock)
        for client in found:
            if client.merged_into_id is not None:
                raise ClientMerged(merged_into_id=client.merged_into_id)
        return found

    async def known(self, one: UUID, other: UUID, *, lock: bool) -> tuple[Client, Client]:
        """Both, also if one went into another; ClientNotFound."""
        statement = (
            sa.select(Client)
            .where(
                Client.organization_id == self._organization_id,
                Client.deleted_at.is_(None),
                Client.id.in_((one, other)),
            )
            .order_by(Client.id)
            .execution_options(populate_existing=True)
        )
        if lock:
            statement = statement.with_for_update()
        clients = {client.id: client for client in await self._session.scalars(statement)}
        if len(clients) < len({one, other}):
            raise ClientNotFound
        return clients[one], clients[other]

    async def distinguish(self, one: UUID, other: UUID, by: UserId) -> bool:
        """Notes that they are two; False when that was known."""
        smaller, greater = sorted((one, other))
        statement = insert(ClientDistinction).values(
            organization_id=self._organization_id,
            client_id=smaller,
            other_id=greater,
            created_by=by,
        )
        added = statement.on_conflict_do_nothing().returning(ClientDistinction.client_id)
        return (await self._session.execute(added)).one_or_none() is not None

    async def forget_distinction(self, one: UUID, other: UUID) -> bool:
        """They may be one after all; False when nobody had said they are two."""
        smaller, greater = sorted((one, other))
        statement = (
            sa.delete(ClientDistinction)
            .where(
                ClientDistinction.organization_id == self._organization_id,
                ClientDistinction.client_id == smaller,
                ClientDistinction.other_id == greater,
            )
            .returning(ClientDistinction.client_id)
        )
        return (await self._session.execute(statement)).one_or_none() is not None

    async def distinct(self, pairs: Collection[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
        """Those of the pairs that are known to be two, each with the smaller id first."""
        both = sa.tuple_(ClientDistinction.client_id, ClientDistinction.other_id)
        statement = sa.select(ClientDistinction.client_id, ClientDistinction.other_id).where(
            ClientDistinction.organization_id == self._organization_id,
            both.in_([tuple(sorted(pair)) for pair in pairs]),
        )
        return {(row.client_id, row.other_id) for row in await self._session.execute(statement)}


class Merges:
    """The merges of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, merge_id: UUID, *, lock: bool = False) -> ClientMerge:
        """The merge, or MergeNotFound."""
        statement = self._mine().where(ClientMerge.id == merge_id)
        if lock:
            statement = statement.with_for_update()
        merge = (await self._session.scalars(statement)).one_or_none()
        if merge is None:
            raise MergeNotFound
        return merge

    async def list(self, family: Sequence[UUID] | None, page: CursorPage) -> Sequence[ClientMerge]:
        """A page, newest first; of one client those that it or its parts took in."""
        statement = self._mine()
        if family is not None:
            statement = statement.where(ClientMerge.survivor_id.in_(family))
        return (await self._session.scalars(NEWEST_FIRST.page(statement, page))).all()

    def _mine(self) -> sa.Select[ClientMerge]:
        return sa.select(ClientMerge).where(ClientMerge.organization_id == self._organization_id)
