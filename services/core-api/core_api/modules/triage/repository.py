"""Proposals of one organization in the database."""

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.triage.exceptions import TriageNotFound
from core_api.modules.triage.models import TicketTriage
from shared_schemas.ids import OrganizationId


class Triages:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def find(self, ticket_id: UUID) -> TicketTriage | None:
        """What was proposed for the ticket."""
        return (await self._session.scalars(self._of(ticket_id))).one_or_none()

    async def get(self, ticket_id: UUID) -> TicketTriage:
        """The same, or TriageNotFound."""
        found = await self.find(ticket_id)
        if found is None:
            raise TriageNotFound
        return found

    async def get_for_update(self, ticket_id: UUID) -> TicketTriage:
        """The same, locked; after its ticket. TriageNotFound."""
        locked = self._of(ticket_id).with_for_update()
        fresh = locked.execution_options(populate_existing=True)
        found = (await self._session.scalars(fresh)).one_or_none()
        if found is None:
            raise TriageNotFound
        return found

    def _of(self, ticket_id: UUID) -> sa.Select[TicketTriage]:
        return sa.select(TicketTriage).where(
            TicketTriage.organization_id == self._organization_id,
            TicketTriage.ticket_id == ticket_id,
        )
