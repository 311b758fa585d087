"""Taking tickets in for triage."""

from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.triage.models import Triage, TriageStatus
from chassis.messaging.consumer import Subscription
from shared_schemas.events import TicketCreated
from shared_schemas.ids import new_id

_MOST_ATTEMPTS: Final = 30
"""With the queue's pauses some four hours: core-api may be down for a while."""


async def await_triage(session: AsyncSession, event: TicketCreated) -> None:
    """Records the ticket as waiting: a job. A ticket that is known already stays as it is."""
    await session.execute(
        insert(Triage)
        .values(
            id=new_id(),
            organization_id=event.organization_id,
            ticket_id=event.payload.ticket_id,
            client_id=event.payload.client_id,
            status=TriageStatus.WAITING,
            opened_at=event.timestamp,
            max_attempts=_MOST_ATTEMPTS,
            correlation_id=event.correlation_id,
            traceparent=event.traceparent,
        )
        .on_conflict_do_nothing(index_elements=[Triage.organization_id, Triage.ticket_id])
    )


SUBSCRIPTIONS = [Subscription(TicketCreated, await_triage)]
