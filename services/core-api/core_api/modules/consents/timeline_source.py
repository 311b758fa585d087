"""What consents tell in the timeline of a client: what was decided, and what was revoked."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.models import (
    NOBODY,
    Consent,
    ConsentChannel,
    ConsentPurpose,
    ConsentRevocation,
    Decision,
    EndKind,
)
from core_api.timeline_sources import (
    NO_TICKET,
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_OF_PURPOSE: Final = sa.and_(
    ConsentPurpose.organization_id == Consent.organization_id,
    ConsentPurpose.id == Consent.purpose_id,
)
_OF_CONSENT: Final = sa.and_(
    ConsentRevocation.organization_id == Consent.organization_id,
    ConsentRevocation.consent_id == Consent.id,
)

_ENDED: Final = MappingProxyType(
    {EndKind.REVOKED: "Consentimento revogado", EndKind.EXPIRED: "Consentimento vencido"}
)


class ConsentDetail(BaseModel):
    """A receipt. `summary` is the name of the purpose."""

    purpose_code: str = Field(examples=["novidades-por-email"])
    decision: Decision
    channel: ConsentChannel
    notice_version: int = Field(examples=[1])


class RevocationDetail(BaseModel):
    """The end of a consent. `summary` is the name of the purpose."""

    consent_id: UUID
    purpose_code: str = Field(examples=["novidades-por-email"])
    reason: str | None = Field(examples=["Pedido do titular"])


def _decided(window: TimelineWindow) -> sa.Select[Any]:
    receipts = window.cut(
        sa.select(Consent.decided_at.label("occurred_at"), Consent.id).where(
            Consent.organization_id == window.organization_id,
            Consent.client_id == window.member_id,
        ),
        Consent.decided_at,
        Consent.id,
    ).lateral("decided")
    return sa.select(
        receipts.c.occurred_at, receipts.c.id, window.member_id.label("client_id"), NO_TICKET
    ).select_from(window.members.join(receipts, sa.true()))


def _revoked(window: TimelineWindow) -> sa.Select[Any]:
    revocations = window.cut(
        sa.select(ConsentRevocation.revoked_at.label("occurred_at"), ConsentRevocation.id)
        .join(Consent, _OF_CONSENT)
        .where(
            Consent.organization_id == window.organization_id,
            Consent.client_id == window.member_id,
        ),
        ConsentRevocation.revoked_at,
        ConsentRevocation.id,
    ).lateral("revoked")
    return sa.select(
        revocations.c.occurred_at,
        revocations.c.id,
        window.member_id.label("client_id"),
        NO_TICKET,
    ).select_from(window.members.join(revocations, sa.true()))


async def _load_consents(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> Mapping[UUID, Told]:
    statement = (
        sa.select(
            Consent.id,
            Consent.decision,
            Consent.channel,
            Consent.notice_version,
            Consent.recorded_by,
            ConsentPurpose.code.label("purpose_code"),
            ConsentPurpose.name,
        )
        .join(ConsentPurpose, _OF_PURPOSE)
        .where(Consent.organization_id == actor.organization_id, Consent.id.in_(ids))
    )
    granted = Decision.GRANTED
    return {
        row.id: Told(
            actor_id=_member(row.recorded_by),
            title="Consentimento dado" if row.decision is granted else "Consentimento recusado",
            summary=row.name,
            detail=ConsentDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


async def _load_revocations(
    session: AsyncSession, actor: Actor, ids: Sequence[UUID]
) -> Mapping[UUID, Told]:
    statement = (
        sa.select(
            ConsentRevocation.id,
            ConsentRevocation.consent_id,
            ConsentRevocation.kind,
            ConsentRevocation.reason,
            ConsentRevocation.recorded_by,
            ConsentPurpose.code.label("purpose_code"),
            ConsentPurpose.name,
        )
        .join(Consent, _OF_CONSENT)
        .join(ConsentPurpose, _OF_PURPOSE)
        .where(
            ConsentRevocation.organization_id == actor.organization_id,
            ConsentRevocation.id.in_(ids),
        )
    )
    return {
        row.id: Told(
            actor_id=_member(row.recorded_by),
            title=_ENDED[row.kind],
            summary=row.name,
            detail=RevocationDetail.model_validate(row, from_attributes=True),
        )
        for row in await session.execute(statement)
    }


def _member(recorded_by: UUID) -> UUID | None:
    """None where no member recorded it."""
    return None if recorded_by == NOBODY else recorded_by


CONSENT_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.CONSENT,
        permission=Permission.CONSENTS_READ,
        branch=_decided,
        load=_load_consents,
    ),
    TimelineSource(
        kind=TimelineKind.REVOCATION,
        permission=Permission.CONSENTS_READ,
        branch=_revoked,
        load=_load_revocations,
    ),
)
"""The kinds of this context."""
