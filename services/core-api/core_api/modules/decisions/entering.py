"""The register follows the assistant: each triage it tells of is entered, once."""

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.decisions.service import enter_triage
from shared_schemas.events import TicketTriaged


async def follow_triage(tx: AsyncSession, event: TicketTriaged) -> None:
    """Enters it, unless its ticket is not ours to know."""
    await enter_triage(
        tx,
        event.organization_id,
        event.payload,
        source_id=event.payload.decision_id or event.event_id,
        decided_at=event.timestamp,
        run_id=event.correlation_id,
    )
