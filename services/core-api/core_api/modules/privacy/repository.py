"""Requests of one organization's data subjects in the database."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.exceptions import RequestNotFound
from core_api.modules.privacy.models import PrivacyRequest
from shared_schemas.ids import OrganizationId


class Requests:
    """The requests of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, request_id: UUID) -> PrivacyRequest:
        """The request, or RequestNotFound."""
        statement = sa.select(PrivacyRequest).where(self._mine(), PrivacyRequest.id == request_id)
        return self._found((await self._session.scalars(statement)).one_or_none())

    async def get_for_update(self, request_id: UUID) -> PrivacyRequest:
        """The request as it is now, locked until the end of the transaction; RequestNotFound."""
        statement = (
            sa.select(PrivacyRequest)
            .where(self._mine(), PrivacyRequest.id == request_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return self._found((await self._session.scalars(statement)).one_or_none())

    def _found(self, request: PrivacyRequest | None) -> PrivacyRequest:
        if request is None:
            raise RequestNotFound
        return request

    def _mine(self) -> sa.ColumnElement[bool]:
        return PrivacyRequest.organization_id == self._organization_id
