"""Proposals as the tests of them make them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from ai_svc_factories import Person
from ai_svc_with_core_api import Beside
from core_api_factories import make_ticket

from ai_svc.modules.proposals import service as proposals
from ai_svc.modules.proposals.service import Wish
from shared_schemas.ids import new_id

PATH: Final = "/api/v1/chat/proposals"
PersonOf = Callable[[str], Person]


async def draft(both: Beside) -> tuple[dict[str, Any], UUID]:
    """A ticket, and a reply that bruno could keep as a draft."""
    ticket = await make_ticket(both.at_core_api("bruno"))
    body = "Olá, Júlia. A certidão sai amanhã."
    return ticket, await both.proposed("bruno", "draft_reply", ticket_id=ticket["id"], body=body)


async def read(person: Person, proposal_id: UUID) -> dict[str, Any]:
    """As it is shown."""
    answer = await person.get(f"{PATH}/{proposal_id}")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def confirmed(person: Person, proposal_id: UUID) -> dict[str, Any]:
    """What confirming came to."""
    answer = await person.post(f"{PATH}/{proposal_id}/confirm")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def wished(
    both: Beside,
    ticket: dict[str, Any],
    *,
    lifetime: timedelta = proposals.LIFETIME,
    conversation_id: UUID | None = None,
) -> UUID:
    """A draft of bruno's, proposed without a skill."""
    wish = Wish(
        skill="draft_reply",
        arguments={"ticket_id": ticket["id"], "body": "Olá."},
        summary="Guardar um rascunho",
        client_ids={UUID(ticket["client_id"])},
        run_id=new_id(),
        conversation_id=conversation_id,
    )
    made = await proposals.propose(
        both.workshop.database, both.actor("bruno"), wish, lifetime=lifetime
    )
    return made.id
