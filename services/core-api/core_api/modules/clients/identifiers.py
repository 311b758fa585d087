"""What clients are known by, for other contexts: as a PATCH of each would say it."""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.clients import documents
from core_api.modules.clients.models import Client
from core_api.workplace import vault_of
from shared_schemas.ids import OrganizationId

_FIELDS: Final = ("name", "emails", "phones", "addresses", "external_id", "custom_fields", "tags")


async def identifiers_of(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> list[dict[str, Any]]:
    """Of each of the clients, also deleted and merged ones, its fields with the document open."""
    statement = sa.select(Client).where(
        Client.organization_id == organization_id, Client.id.in_(client_ids)
    )
    vault = vault_of(session)
    return [
        {field: getattr(client, field) for field in _FIELDS}
        | {"document": documents.opened(vault, client)}
        for client in await session.scalars(statement.order_by(Client.id))
    ]
