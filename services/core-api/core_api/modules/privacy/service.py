"""What other contexts may ask of requests: opening one by a link, what the subject said, closing
what was executed, and forgetting the words."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.closing import close
from core_api.modules.privacy.content import CONTENT, RequestContent
from core_api.modules.privacy.destruction import locked_intact, require_intact
from core_api.modules.privacy.exceptions import (
    ClientAlreadyAnonymised,
    ClientAlreadyErased,
    DestructionUnderWay,
    RequestLinkUsed,
    RequestMoveRefused,
    RequestNotFound,
)
from core_api.modules.privacy.forgetting import count_texts, forget_texts
from core_api.modules.privacy.journal import Journal
from core_api.modules.privacy.kinds import AnswerForm, RequestStatus, RequestType
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.policies import settings_of
from core_api.modules.privacy.repository import Requests
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.recording import Recorder
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "AnswerForm",
    "ClientAlreadyAnonymised",
    "ClientAlreadyErased",
    "DestructionUnderWay",
    "PrivacyRequest",
    "RequestContent",
    "RequestLinkUsed",
    "RequestNotFound",
    "RequestStatus",
    "RequestType",
    "complete",
    "content_of",
    "count_texts",
    "forget_texts",
    "is_small_agent",
    "locked_intact",
    "request_of",
    "require_intact",
]

_BY_ITSELF: Final = "a execução do pedido terminou"


async def request_of(
    session: AsyncSession, organization_id: OrganizationId, request_id: UUID
) -> PrivacyRequest:
    """For other contexts: the request, or RequestNotFound."""
    return await Requests(session, organization_id).get(request_id)


async def content_of(session: AsyncSession, request: PrivacyRequest) -> RequestContent:
    """For executors: what the subject said, opened. Neither to be logged nor published."""
    texts = SubjectTexts(session, request.organization_id)
    (text,) = await texts.open([Sealed(request.id, CONTENT, request.content_sealed)])
    return RequestContent.read(text)


async def is_small_agent(session: AsyncSession, organization_id: OrganizationId) -> bool:
    """For other contexts: whether Res. CD/ANPD 2/2022 makes things easier for the organization."""
    return (await settings_of(session, organization_id)).is_small_agent


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
    await close(Journal(session, recorder), request, RequestStatus.COMPLETED, receipt=receipt)
    return request
