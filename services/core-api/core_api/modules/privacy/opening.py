"""Opening a request: by a member for the subject, or by the subjects themselves with a link."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from core_api.modules.clients.service import require_subject
from core_api.modules.consents.service import require_purpose
from core_api.modules.privacy.content import CONTENT, RequestContent
from core_api.modules.privacy.deadlines import first_warning, later
from core_api.modules.privacy.destruction import require_intact
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import (
    AnswerForm,
    IdentityLevel,
    IdentityMethod,
    RequestChannel,
    RequestStatus,
    RequestType,
    StepKind,
)
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.policies import ANSWERED_IN_FORMS, policy_of, settings_of
from core_api.recording import Recorder
from shared_schemas.events import PrivacyRequestOpened
from shared_schemas.ids import new_id

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)
_USUAL_FORM: Final = {
    RequestType.CONFIRMATION: AnswerForm.SIMPLIFIED,
    RequestType.ACCESS: AnswerForm.COMPLETE,
}

_ABOUT_A_PURPOSE: Final = frozenset(
    {RequestType.BLOCKING, RequestType.REVOCATION, RequestType.OPPOSITION}
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for."""

    type: RequestType
    channel: RequestChannel
    form: AnswerForm | None = None
    purpose_code: str | None = None
    description: str | None = None
    corrections: Mapping[str, Any] = field(default_factory=dict)
    received_at: datetime | None = None
    link_id: UUID | None = None
    """The link it was opened by: it proves as much about who asks as where it was sent."""


async def open_request(
    tx: AsyncSession, recorder: Recorder, client_id: UUID, asked: Asked
) -> PrivacyRequest:
    """A new request, its deadline running. ClientNotFound, ClientMerged, ClientAlreadyErased,
    ClientAlreadyAnonymised, PurposeNotFound; two at once that destroy: DestructionUnderWay."""
    organization_id = recorder.organization_id
    await require_intact(tx, organization_id, client_id)
    await require_subject(tx, organization_id, client_id)
    if asked.purpose_code is not None:
        await require_purpose(tx, organization_id, asked.purpose_code)
    journal = Journal(tx, recorder)
    request = await _counted(tx, recorder, client_id, asked)
    request.content_sealed = await journal.texts.seal(
        client_id,
        request.id,
        CONTENT,
        RequestContent(asked.description, asked.corrections).written(),
    )
    tx.add(request)
    await tx.flush()
    await journal.enter(request, StepKind.OPENED, details=_opening(request))
    recorder.tell(
        tx,
        PrivacyRequestOpened,
        privacy_request_id=request.id,
        client_id=client_id,
        type=request.type.value,
    )
    return request


async def _counted(
    tx: AsyncSession, recorder: Recorder, client_id: UUID, asked: Asked
) -> PrivacyRequest:
    """The request with its deadline, as the policies have it today."""
    settings = await settings_of(tx, recorder.organization_id)
    form = asked.form or _USUAL_FORM.get(asked.type)
    policy = await policy_of(tx, recorder.organization_id, asked.type)
    policy = policy.for_form(form, small_agent=settings.is_small_agent)
    now = utc_now()
    received_at = _received(asked.received_at, now)
    proven = IdentityLevel.BASIC if asked.link_id else IdentityLevel.NONE
    enough = proven.reaches(policy.identity_required)
    request = PrivacyRequest(
        id=new_id(),
        organization_id=recorder.organization_id,
        client_id=client_id,
        type=asked.type,
        status=RequestStatus.RECEIVED if enough else RequestStatus.IDENTITY_PENDING,
        form=form,
        purpose_code=asked.purpose_code,
        channel=asked.channel,
        preferences_link_id=asked.link_id,
        opened_by=None if recorder.actor is None else recorder.actor.user_id,
        received_at=received_at,
        due_at=later(received_at, policy.days, policy.unit),
        deadline_days=policy.days,
        deadline_unit=policy.unit,
        deadline_doubled=policy.doubled,
        warning_days=list(policy.warning_days),
        paused_seconds=0,
        identity_required=policy.identity_required,
        identity_level=proven,
        identity_method=IdentityMethod.PREFERENCES_LINK if asked.link_id else None,
        identity_checked_at=now if asked.link_id else None,
        extension_allowed_days=policy.extension_days,
    )
    request.next_warning_at = first_warning(request, now)
    return request


def _received(given: datetime | None, now: datetime) -> datetime:
    if given is None:
        return now
    if given > now + _CLOCKS_MAY_DIFFER:
        raise InvalidInput.on("body.received_at", "O momento está depois do que seria possível.")
    return given


def _opening(request: PrivacyRequest) -> dict[str, Any]:
    return {
        "type": request.type.value,
        "channel": request.channel.value,
        "form": request.form and request.form.value,
        "purpose_code": request.purpose_code,
        "due_at": request.due_at.isoformat(),
    }


def require_fitting(
    type_: RequestType,
    form: AnswerForm | None,
    purpose_code: str | None,
    corrections: Mapping[str, Any],
) -> None:
    """ValueError for what a request of the type does not have."""
    if form is not None and type_ not in ANSWERED_IN_FORMS:
        raise ValueError("Só a confirmação e o acesso têm forma simplificada ou completa.")
    if purpose_code is not None and type_ not in _ABOUT_A_PURPOSE:
        raise ValueError("Só bloqueio, revogação e oposição podem ser sobre uma finalidade.")
    if corrections and type_ is not RequestType.CORRECTION:
        raise ValueError("Só um pedido de correção traz dados a corrigir.")
