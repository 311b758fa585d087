"""The register follows the assistant: each triage it tells of is entered, once."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit import service as audit
from core_api.modules.decisions.models import DecisionKind
from core_api.modules.decisions.repository import Decisions
from core_api.modules.tickets.service import TicketNotFound, require_ticket
from shared_schemas.events import TicketTriaged
from shared_schemas.ids import new_id


async def follow_triage(tx: AsyncSession, event: TicketTriaged) -> None:
    """Enters it, unless its ticket is not ours to know."""
    said = event.payload
    try:
        ticket = await require_ticket(tx, event.organization_id, said.ticket_id)
    except TicketNotFound:
        return  # nobody is left whom it could concern
    decision_id = new_id()
    outcome: dict[str, Any] = {
        name: str(value)
        for name, value in (
            ("priority", said.priority),
            ("category_id", said.category_id),
            ("team_id", said.team_id),
        )
        if value is not None
    }
    entered = await Decisions(tx, event.organization_id).enter(
        {
            "id": decision_id,
            "kind": DecisionKind.TICKET_TRIAGE,
            "source_id": said.decision_id or event.event_id,
            "ticket_id": said.ticket_id,
            "inputs": list(said.inputs),
            "criteria": list(said.criteria),
            "model": said.model,
            "prompt_version": said.prompt_version,
            "outcome": outcome,
            "confidence": said.confidence,
            "applied": said.applied,
            "decided_at": event.timestamp,
        }
    )
    if entered:
        audit.record_by_system(
            tx,
            event.organization_id,
            "automated_decision.entered",
            decision_id,
            reason="decidido pelo assistente",
            run_id=event.correlation_id,
            about=ticket.client_id,
            related={"ticket_id": said.ticket_id},
        )
