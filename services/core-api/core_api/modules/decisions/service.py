"""What other contexts may do with the register of automated decisions: enter one, once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit import service as audit
from core_api.modules.decisions.models import DecisionKind
from core_api.modules.decisions.repository import Decisions
from core_api.modules.tickets.service import TicketNotFound, require_ticket
from shared_schemas.events.tickets import TicketTriagedPayload
from shared_schemas.ids import OrganizationId, new_id


async def enter_triage(
    tx: AsyncSession,
    organization_id: OrganizationId,
    said: TicketTriagedPayload,
    *,
    source_id: UUID,
    decided_at: datetime,
    run_id: str,
) -> None:
    """Enters it, unless it is known, or its ticket is not ours to know. Whoever applies a triage
    enters it in the same transaction; the event that tells of it then changes nothing."""
    try:
        ticket = await require_ticket(tx, organization_id, said.ticket_id)
    except TicketNotFound:
        return  # nobody is left whom it could concern
    decision_id = new_id()
    entered = await Decisions(tx, organization_id).enter(
        {
            "id": decision_id,
            "kind": DecisionKind.TICKET_TRIAGE,
            "source_id": source_id,
            "decided_at": decided_at,
            **_as_decided(said),
        }
    )
    if entered:
        audit.record_by_system(
            tx,
            organization_id,
            "automated_decision.entered",
            decision_id,
            reason="decidido pelo assistente",
            run_id=run_id,
            about=ticket.client_id,
            related={"ticket_id": said.ticket_id},
        )


def _as_decided(said: TicketTriagedPayload) -> dict[str, Any]:
    """What the assistant says it decided, on what, and how sure it was; no more than it chose."""
    chosen = {
        "priority": said.priority,
        "category_id": said.category_id,
        "team_id": said.team_id,
    }
    return {
        "ticket_id": said.ticket_id,
        "inputs": list(said.inputs),
        "criteria": list(said.criteria),
        "model": said.model,
        "prompt_version": said.prompt_version,
        "outcome": {name: str(value) for name, value in chosen.items() if value is not None},
        "confidence": said.confidence,
        "applied": said.applied,
    }
