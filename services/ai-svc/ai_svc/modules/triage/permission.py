"""Whose words triage may read: those of clients some purpose lets the assistant use."""

from collections.abc import Collection, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ai_svc.modules.access.service import refresh
from ai_svc.modules.triage.exceptions import TicketUnread
from ai_svc.workshop import Workshop
from knowledge.access import purposes_in_force
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import SortedTicket


async def may_be_read(workshop: Workshop, actor: Actor, client_id: UUID) -> bool:
    """On what core-api says now; TicketUnread when it says nothing: there is time."""
    if not await refresh(workshop, actor, client_id):
        raise TicketUnread
    return client_id in await _allowed(workshop, actor.organization_id, {client_id})


async def readable_history(
    workshop: Workshop, organization_id: OrganizationId, history: Sequence[SortedTicket]
) -> list[SortedTicket]:
    """Earlier tickets are other people's words: the same is asked for each, on what events told."""
    allowed = await _allowed(workshop, organization_id, {each.client_id for each in history})
    return [each for each in history if each.client_id in allowed]


async def _allowed(
    workshop: Workshop, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> frozenset[UUID]:
    if not client_ids:
        return frozenset()
    named = sa.func.unnest(
        sa.cast(sorted(client_ids), ARRAY(sa.Uuid())), type_=sa.Uuid()
    ).column_valued("client_id")
    tenant = sa.literal(organization_id, sa.Uuid())
    in_force = sa.func.cardinality(purposes_in_force(tenant, named)) > 0
    async with workshop.database.transaction(organization_id, read_only=True) as session:
        return frozenset(await session.scalars(sa.select(named).where(in_force)))
