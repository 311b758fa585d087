"""Things of accountability, and what happens when an event is heard."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from core_api_factories import Person

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.decisions.entering import follow_triage
from core_api.modules.recipients.telling import follow_block
from core_api.modules.triage.receiving import receive
from shared_schemas.events import ProcessingBlocked, TicketTriaged
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.triage import TriageProposal, TriageTaken

OFFICER = {
    "role": "holder",
    "kind": "person",
    "name": "Davi Exemplo",
    "email": "encarregado@aurora.example",
    "act_reference": "Portaria 12/2026",
    "appointed_on": "2026-03-02",
    "starts_on": "2026-03-09",
}
PROFILE = {
    "legal_name": "Prefeitura Municipal de Aurora",
    "address": "Praça Central, 1",
    "subject_channel": "privacidade@aurora.example",
    "security_measures": "Cifragem e acesso por função.",
    "page_is_public": True,
}


async def organization_of(person: Person) -> OrganizationId:
    """Whose token it is."""
    return OrganizationId(UUID((await person.seen("/api/v1/organization"))["id"]))


def transfer(purpose_code: str, provider: str = "openai", **changes: Any) -> dict[str, Any]:
    """A transfer that can be authorised."""
    given = {
        "provider": provider,
        "importer_name": "OpenAI, L.L.C.",
        "country": "US",
        "mechanism": "standard_clauses",
        "mechanism_reference": "Contrato 45/2026, anexo II",
        "purpose_codes": [purpose_code],
        "how": "Chamadas por API",
        "duration": "Enquanto durar o contrato",
        "valid_from": "2026-01-01",
    }
    return given | changes


def incident(**changes: Any) -> dict[str, Any]:
    """One that became known two hours ago."""
    given = {
        "title": "Planilha enviada ao destinatário errado",
        "description": "Uma planilha com contatos foi anexada ao e-mail de outro cliente.",
        "severity": "medium",
        "breaches": ["confidentiality"],
        "known_at": (utc_now() - timedelta(hours=2)).isoformat(),
    }
    return given | changes


async def hear_block(
    database: Database, organization_id: OrganizationId, client_id: str, purpose_code: str | None
) -> None:
    """As when a client's data was blocked."""
    event = ProcessingBlocked.caused(
        organization_id=organization_id,
        correlation_id="block-1",
        block_id=new_id(),
        client_id=client_id,
        purpose_code=purpose_code,
    )
    async with database.transaction(organization_id) as tx:
        await follow_block(tx, event)


async def hear_triage(
    database: Database, organization_id: OrganizationId, ticket_id: str, **said: Any
) -> TicketTriaged:
    """As when the assistant has triaged a ticket."""
    given: dict[str, Any] = {
        "inputs": ("subject", "description"),
        "criteria": ("urgency-words",),
        "model": "extractive",
        "prompt_version": "triage-3",
        "priority": "high",
        "confidence": 0.82,
        "applied": True,
    }
    event = TicketTriaged.caused(
        organization_id=organization_id,
        correlation_id="triage-1",
        ticket_id=ticket_id,
        **(given | said),
    )
    async with database.transaction(organization_id) as tx:
        await follow_triage(tx, event)
    return event


async def propose(
    database: Database, organization_id: OrganizationId, ticket_id: str, **said: Any
) -> TriageTaken:
    """As when the assistant hands over what it proposes for a ticket."""
    given: dict[str, Any] = {
        "decision_id": new_id(),
        "inputs": ("subject", "description"),
        "criteria": ("category-words",),
        "model": "builtin-triage-1",
        "priority": "high",
        "priority_confidence": 0.9,
        "draft": "Olá! A segunda via sai em dois dias úteis.",
        "reasons": ("Prioridade alta: “prazo”.",),
    }
    proposal = TriageProposal.model_validate(
        {"organization_id": organization_id, "ticket_id": ticket_id} | given | said
    )
    async with database.transaction(organization_id) as tx:
        return await receive(tx, proposal, "triage-1")
