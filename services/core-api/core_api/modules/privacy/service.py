"""What other contexts may ask of requests: what the subject said, and closing what was executed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.privacy.exceptions import RequestMoveRefused, RequestNotFound
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import CLOSED, RequestStatus, RequestType, StepKind
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.repository import Requests
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.recording import Recorder
from shared_schemas.actor import Actor
from shared_schemas.events import PrivacyRequestClosed
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "PrivacyRequest",
    "RequestContent",
    "RequestNotFound",
    "RequestStatus",
    "RequestType",
    "complete",
    "content_of",
    "finish",
    "request_of",
]

CONTENT: Final = "privacy_requests.content"
_BY_ITSELF: Final = "a execução do pedido terminou"


@dataclass(frozen=True, slots=True)
class RequestContent:
    """What a request says in the subject's words. Personal data: neither logged nor published."""

    description: str | None = None
    corrections: Mapping[str, Any] = field(default_factory=dict)
    """For `correction`: field of the client → what it should be, as a PATCH of it takes it."""

    def written(self) -> str | None:
        """For sealing; None where nothing was said."""
        if self.description is None and not self.corrections:
            return None
        said = {"description": self.description, "corrections": dict(self.corrections)}
        return json.dumps(said, ensure_ascii=False)

    @classmethod
    def read(cls, text: str | None) -> "RequestContent":
        """Back from what was sealed; empty where the key is gone."""
        return cls() if text is None else cls(**json.loads(text))


async def request_of(
    session: AsyncSession, organization_id: OrganizationId, request_id: UUID
) -> PrivacyRequest:
    """For other contexts: the request, or RequestNotFound."""
    return await Requests(session, organization_id).get(request_id)


async def content_of(session: AsyncSession, request: PrivacyRequest) -> RequestContent:
    """For executors: what the subject said, opened."""
    texts = SubjectTexts(session, request.organization_id)
    (text,) = await texts.open([Sealed(request.id, CONTENT, request.content_sealed)])
    return RequestContent.read(text)


async def complete(
    session: AsyncSession,
    organization_id: OrganizationId,
    request_id: UUID,
    receipt: Mapping[str, Any] | None,
    *,
    correlation_id: str | None = None,
    actor: Actor | None = None,
) -> PrivacyRequest:
    """For executors whose work went on after `start`: closes the request, once.

    Called again after that it changes nothing. RequestNotFound; RequestMoveRefused when it was not
    being executed.
    """
    request = await Requests(session, organization_id).get_for_update(request_id)
    if request.status is RequestStatus.COMPLETED:
        return request
    if request.status is not RequestStatus.EXECUTING:
        raise RequestMoveRefused(request.status)
    cause = correlation_id or str(new_id())
    recorder = Recorder(organization_id, cause, actor, reason=_BY_ITSELF)
    await finish(Journal(session, recorder), request, RequestStatus.COMPLETED, receipt=receipt)
    return request


async def finish(
    journal: Journal,
    request: PrivacyRequest,
    status: RequestStatus,
    *,
    receipt: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> None:
    """Closes a request the caller has locked."""
    if status not in CLOSED:
        raise ValueError(f"{status} closes nothing")
    actor = journal.recorder.actor
    request.status = status
    request.closed_at = utc_now()
    request.closed_by = None if actor is None else actor.user_id
    request.next_warning_at = request.paused_at = request.paused_from = None
    if receipt is not None:
        request.receipt = dict(receipt)
    details = {"due_at": request.due_at.isoformat(), "late": request.closed_at > request.due_at}
    if request.refusal_ground is not None:
        details["ground"] = request.refusal_ground.value
    await journal.enter(
        request, StepKind(status.value), details=details, text=text, at=request.closed_at
    )
    journal.recorder.tell(
        journal.tx,
        PrivacyRequestClosed,
        privacy_request_id=request.id,
        client_id=request.client_id,
        type=request.type.value,
        outcome=status.value,
    )
