"""Who belongs to which company, in one organization."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.clients.exceptions import RelationNotFound
from core_api.modules.clients.models import Client, ClientRelation
from shared_schemas.ids import OrganizationId

OLDEST_FIRST: Final = Keyset(
    name="created_at",
    column=ClientRelation.created_at,
    id=ClientRelation.id,
    parse=datetime.fromisoformat,
)


class Relations:
    """The relations of one organization's clients."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def any_of(self, client_id: UUID) -> bool:
        """Whether the client has any."""
        statement = sa.select(sa.exists().where(self._mine(), _touches(client_id)))
        return bool(await self._session.scalar(statement))

    async def get_for_update(self, client_id: UUID, relation_id: UUID) -> ClientRelation:
        """One of the client's, locked, or RelationNotFound."""
        statement = sa.select(ClientRelation).where(
            self._mine(), ClientRelation.id == relation_id, _touches(client_id)
        )
        relation = (await self._session.scalars(statement.with_for_update())).one_or_none()
        if relation is None:
            raise RelationNotFound
        return relation

    async def list(self, client_id: UUID, page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page of the client's relations, each with the client at its other end."""
        statement = self._shown(client_id)
        paged = OLDEST_FIRST.page(statement, page)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(paged)).all()
        return rows

    async def show(self, client_id: UUID, relation_id: UUID) -> sa.Row[Any]:
        """One of them, as the list has it."""
        statement = self._shown(client_id).where(ClientRelation.id == relation_id)
        row: sa.Row[Any] = (await self._session.execute(statement)).one()
        return row

    def _shown(self, client_id: UUID) -> sa.Select[*tuple[Any, ...]]:
        other = sa.case(
            (ClientRelation.company_id == client_id, ClientRelation.person_id),
            else_=ClientRelation.company_id,
        )
        return (
            sa.select(
                ClientRelation.id,
                ClientRelation.role,
                ClientRelation.created_at,
                ClientRelation.version,
                Client.id.label("client_id"),
                Client.kind,
                Client.name,
            )
            .join(
                Client,
                sa.and_(
                    Client.organization_id == ClientRelation.organization_id,
                    Client.id == other,
                    Client.deleted_at.is_(None),
                    Client.merged_into_id.is_(None),  # what stayed with one that went elsewhere
                ),
            )
            .where(self._mine(), _touches(client_id))
        )

    def _mine(self) -> sa.ColumnElement[bool]:
        return ClientRelation.organization_id == self._organization_id


def _touches(client_id: UUID) -> sa.ColumnElement[bool]:
    return sa.or_(ClientRelation.company_id == client_id, ClientRelation.person_id == client_id)
