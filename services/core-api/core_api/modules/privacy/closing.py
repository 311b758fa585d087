"""Closing a request: fulfilled, refused or withdrawn. The one way to do it."""

from collections.abc import Mapping
from typing import Any

from chassis.data.columns import utc_now
from core_api.modules.privacy.destruction import moot_after
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import (
    CLOSED,
    DESTROYING,
    RefusalGround,
    RequestStatus,
    StepKind,
)
from core_api.modules.privacy.models import PrivacyRequest
from shared_schemas.events import PrivacyRequestClosed


async def close(
    journal: Journal,
    request: PrivacyRequest,
    status: RequestStatus,
    *,
    receipt: Mapping[str, Any] | None = None,
    text: str | None = None,
) -> None:
    """Closes a request the caller has locked. `text` is sealed with the step.

    Once nothing is left of a person their other requests have nothing to be about: they are refused
    for that, unless they are being executed just now.
    """
    await _close(journal, request, status, receipt, text)
    if status is RequestStatus.COMPLETED and request.type in DESTROYING:
        for other in await moot_after(journal.tx, request):
            other.refusal_ground = RefusalGround.NO_PERSONAL_DATA
            await _close(journal, other, RequestStatus.REFUSED, None, None)


async def _close(
    journal: Journal,
    request: PrivacyRequest,
    status: RequestStatus,
    receipt: Mapping[str, Any] | None,
    text: str | None,
) -> None:
    if status not in CLOSED:
        raise ValueError(f"{status} closes nothing")
    actor = journal.recorder.actor
    request.status = status
    request.closed_at = utc_now()
    request.closed_by = None if actor is None else actor.user_id
    request.next_warning_at = request.paused_at = request.paused_from = None
    if receipt is not None:
        request.receipt = dict(receipt)
    details: dict[str, Any] = {
        "due_at": request.due_at.isoformat(),
        "late": request.closed_at > request.due_at,
    }
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
