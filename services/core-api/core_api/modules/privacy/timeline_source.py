"""What requests of data subjects tell in the timeline of a client."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.kinds import RequestStatus, RequestType, StepKind
from core_api.modules.privacy.models import PrivacyRequest, PrivacyRequestStep
from core_api.modules.privacy.wording import STEP_TITLES, TYPE_NAMES
from core_api.timeline_sources import (
    NO_TICKET,
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_STEP: Final = PrivacyRequestStep


class PrivacyRequestStepDetail(BaseModel):
    """A step of a request, without words. `summary` names what was asked for."""

    privacy_request_id: UUID
    type: RequestType
    status: RequestStatus = Field(description="Of the request, today")
    step: StepKind
    details: dict[str, Any] = Field(examples=[{"days": 5}])


def _happened(window: TimelineWindow) -> sa.Select[Any]:
    steps = window.cut(
        sa.select(_STEP.occurred_at, _STEP.id).where(
            _STEP.organization_id == window.organization_id,
            _STEP.client_id == window.member_id,
        ),
        _STEP.occurred_at,
        _STEP.id,
    ).lateral("happened")
    return sa.select(
        steps.c.occurred_at, steps.c.id, window.member_id.label("client_id"), NO_TICKET
    ).select_from(window.members.join(steps, sa.true()))


async def _load(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Told]:
    of_step = sa.and_(
        PrivacyRequest.organization_id == _STEP.organization_id,
        PrivacyRequest.id == _STEP.request_id,
    )
    statement = (
        sa.select(
            _STEP.id,
            _STEP.actor_id,
            _STEP.kind,
            _STEP.details,
            _STEP.request_id,
            PrivacyRequest.type,
            PrivacyRequest.status,
        )
        .join(PrivacyRequest, of_step)
        .where(_STEP.organization_id == actor.organization_id, _STEP.id.in_(ids))
    )
    return {
        row.id: Told(
            actor_id=row.actor_id,
            title=STEP_TITLES[row.kind],
            summary=TYPE_NAMES[row.type],
            detail=PrivacyRequestStepDetail(
                privacy_request_id=row.request_id,
                type=row.type,
                status=row.status,
                step=row.kind,
                details=row.details,
            ),
        )
        for row in await session.execute(statement)
    }


PRIVACY_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.PRIVACY_REQUEST,
        permission=Permission.PRIVACY_READ,
        branch=_happened,
        load=_load,
    ),
)
"""The kind of this context."""
