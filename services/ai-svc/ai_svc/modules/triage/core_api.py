"""What is asked of core-api, and handed over to it; no transaction is open meanwhile."""

from typing import Final, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from ai_svc.modules.triage.exceptions import TicketUnread
from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import Standing, TicketToTriage, TriageProposal, TriageTaken

_TICKETS: Final = "/internal/v1/triage/tickets"
_PROPOSALS: Final = "/internal/v1/triage/proposals"
_SECONDS: Final = 10.0
_NOT_FOUND: Final = 404
M = TypeVar("M", bound=BaseModel)


async def read_ticket(
    core_api: ServiceClient, organization_id: OrganizationId, ticket_id: UUID, request_id: str
) -> TicketToTriage:
    """All that a proposal is made from. Raises TicketUnread."""
    try:
        answer = await core_api.request(
            "GET",
            f"{_TICKETS}/{ticket_id}",
            request_id=request_id,
            params={"organization_id": str(organization_id)},
            timeout_seconds=_SECONDS,
        )
    except Unavailable as error:
        raise TicketUnread from error
    if answer.status_code == _NOT_FOUND:
        return TicketToTriage(standing=Standing.GONE)
    return _read(answer, TicketToTriage)


async def hand_over(
    core_api: ServiceClient, proposal: TriageProposal, request_id: str
) -> TriageTaken:
    """What became of the proposal; told again, nothing more happens. Raises TicketUnread."""
    try:
        answer = await core_api.request(
            "POST",
            _PROPOSALS,
            request_id=request_id,
            json=proposal.model_dump(mode="json"),
            timeout_seconds=_SECONDS,
        )
    except Unavailable as error:
        raise TicketUnread from error
    if answer.status_code == _NOT_FOUND:
        return TriageTaken(standing=Standing.GONE)
    return _read(answer, TriageTaken)


def _read(answer: httpx.Response, model: type[M]) -> M:
    if not answer.is_success:
        raise TicketUnread(f"answered {answer.status_code}")
    try:
        return model.model_validate(answer.json()["data"])
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise TicketUnread("not what was agreed on") from error
