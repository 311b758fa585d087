"""Clients of one organization in the database. Deleted ones are not there, merged ones only as part
of who they went into."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.web.dependencies import TenantRows
from chassis.web.pagination import CursorPage, PageNumber
from core_api.blocked_clients import extent_of_blocks
from core_api.keyset import Keyset
from core_api.modules.clients.exceptions import ClientMerged, ClientNotFound
from core_api.modules.clients.filters import ClientFilter, narrowed
from core_api.modules.clients.models import Client, ClientKind
from shared_schemas.ids import OrganizationId

READ_COLUMNS: Final = tuple(
    Client.__table__.c[name]
    for name in (
        "id",
        "organization_id",
        "kind",
        "name",
        "email",
        "phone",
        "emails",
        "phones",
        "addresses",
        "document_sealed",
        "tags",
        "external_id",
        "custom_fields",
        "created_at",
        "updated_at",
        "version",
        "merged_into_id",
    )
)
"""What reading needs, of the table, not of the class: rows are cheaper than ORM objects."""

# The hottest read of the service: built once, so that a request only binds two values.
_BY_ID: Final = sa.select(
    *READ_COLUMNS, extent_of_blocks(Client.__table__).label("processing_blocked")
).where(
    Client.__table__.c.organization_id == sa.bindparam("organization_id"),
    Client.__table__.c.id == sa.bindparam("client_id"),
    Client.__table__.c.deleted_at.is_(None),
)


def _orders() -> Mapping[str, Keyset]:
    columns: dict[str, tuple[Any, Any]] = {
        "created_at": (Client.created_at, datetime.fromisoformat),
        "updated_at": (Client.updated_at, datetime.fromisoformat),
        "name": (Client.name_folded, None),
    }
    return MappingProxyType(
        {
            name: Keyset(name=name, column=column, id=Client.id, parse=parse)
            for plain, (column, parse) in columns.items()
            for name in (plain, f"-{plain}")
        }
    )


ORDERS: Final = _orders()


async def read_client(rows: TenantRows, organization_id: OrganizationId, client_id: UUID) -> Any:
    """The columns to read, or ClientNotFound; without a session. A client that went into another
    one is read as that one."""
    wanted = {"organization_id": organization_id, "client_id": client_id}
    row = await rows.one_or_none(_BY_ID, wanted)
    if row is not None and row.merged_into_id is not None:
        row = await rows.one_or_none(_BY_ID, wanted | {"client_id": row.merged_into_id})
    if row is None:
        raise ClientNotFound
    return row


class Clients:
    """The clients of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get_for_update(self, client_id: UUID) -> Client:
        """The client, locked until the end of the transaction; ClientNotFound, ClientMerged."""
        statement = sa.select(Client).where(self._known(), Client.id == client_id)
        client = (await self._session.scalars(statement.with_for_update())).one_or_none()
        if client is None:
            raise ClientNotFound
        if client.merged_into_id is not None:
            raise ClientMerged(merged_into_id=client.merged_into_id)
        return client

    async def matching_for_update(self, wanted: sa.ColumnElement[bool]) -> Sequence[Client]:
        """Those that exist, locked until the end of the transaction."""
        statement = sa.select(Client).where(self._mine(), wanted).order_by(Client.id)
        return (await self._session.scalars(statement.with_for_update())).all()

    async def merged_matching(self, wanted: sa.ColumnElement[bool]) -> Sequence[Any]:
        """Of those that went into another one: `id`, `external_id` and `merged_into_id`."""
        statement = sa.select(Client.id, Client.external_id, Client.merged_into_id).where(
            self._known(), Client.merged_into_id.is_not(None), wanted
        )
        rows: Sequence[Any] = (await self._session.execute(statement)).all()
        return rows

    async def kinds_for_share(self, client_ids: Collection[UUID]) -> dict[UUID, ClientKind]:
        """Of each its kind, which stays until the commit; ClientNotFound unless all exist."""
        statement = (
            sa.select(Client.id, Client.kind)
            .where(self._mine(), Client.id.in_(client_ids))
            .order_by(Client.id)  # locked in the order everybody locks clients in
            .with_for_update(read=True)
        )
        kinds = {row.id: row.kind for row in await self._session.execute(statement)}
        if len(kinds) != len(client_ids):
            raise ClientNotFound
        return kinds

    async def require(self, client_id: UUID, *, lock: bool) -> UUID:
        """ClientNotFound unless it exists; locked, nobody can delete it before the commit.

        The id of the client that answers for it. Locked means that something is about to refer to
        it: then it must not have been merged (ClientMerged).
        """
        if not lock:
            answering = await self._session.scalar(self._answering_for(client_id))
            if answering is None:
                raise ClientNotFound
            return answering
        return await self._require_locked(self._known(), client_id)

    async def require_subject(self, client_id: UUID) -> UUID:
        """The same, locked, of one that may have been deleted."""
        mine = Client.organization_id == self._organization_id
        return await self._require_locked(mine, client_id)

    async def _require_locked(self, known: sa.ColumnElement[bool], client_id: UUID) -> UUID:
        statement = sa.select(Client.merged_into_id).where(known, Client.id == client_id)
        locked = await self._session.execute(statement.with_for_update(read=True))
        found = locked.one_or_none()
        if found is None:
            raise ClientNotFound
        if found.merged_into_id is not None:
            raise ClientMerged(merged_into_id=found.merged_into_id)
        return client_id

    async def family(self, client_id: UUID) -> Sequence[UUID]:
        """Who answers for the client, and all that were merged into that one; ClientNotFound."""
        root = self._answering_for(client_id).scalar_subquery()
        mine = Client.organization_id == self._organization_id
        statement = sa.union(
            sa.select(Client.id).where(mine, Client.id == root),
            sa.select(Client.id).where(mine, Client.merged_into_id == root),
        )
        family = (await self._session.scalars(statement)).all()
        if not family:
            raise ClientNotFound
        return family

    def _answering_for(self, client_id: UUID) -> sa.Select[UUID]:
        answering = aliased(Client)
        # Looked up before, not joined: under row-level security a join on an expression such as
        # coalesce is compared with every row of the table.
        root = (
            sa.select(sa.func.coalesce(Client.merged_into_id, Client.id))
            .where(Client.id == client_id, self._known())
            .scalar_subquery()
        )
        return sa.select(answering.id).where(
            answering.id == root,
            answering.organization_id == self._organization_id,
            answering.deleted_at.is_(None),
        )

    async def list(
        self, wanted: ClientFilter, order: Keyset, paging: CursorPage | PageNumber
    ) -> Sequence[sa.Row[Any]]:
        """A page of the columns to read."""
        columns = sa.select(*READ_COLUMNS).select_from(Client).where(self._mine())
        statement, actual = narrowed(columns, wanted, self._organization_id, order)
        statement = (actual or order).page(statement, paging)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    async def count(self, wanted: ClientFilter) -> int:
        """How many there are on all pages."""
        every = sa.select(sa.func.count()).select_from(Client).where(self._mine())
        statement, _ = narrowed(every, wanted, self._organization_id)
        return (await self._session.scalar(statement)) or 0

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(self._known(), Client.merged_into_id.is_(None))

    def _known(self) -> sa.ColumnElement[bool]:
        """Also those that went into another one."""
        return sa.and_(Client.organization_id == self._organization_id, Client.deleted_at.is_(None))
