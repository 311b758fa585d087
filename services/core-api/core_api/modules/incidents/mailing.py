"""Notices of incidents to those affected as mails: the exact text that was kept, one by one."""

from datetime import datetime
from typing import ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.deliveries.addressing import addressee_of
from core_api.modules.deliveries.service import DeliveryKind, Held, Mail
from core_api.modules.incidents.models import IncidentChannel, IncidentNotice, IncidentSubject

_SUBJECT: Final = "Aviso sobre um incidente de segurança com dados pessoais seus"


class IncidentNoticeMails:
    """One to each of them."""

    kind: ClassVar[DeliveryKind] = DeliveryKind.INCIDENT_NOTICE

    async def mail(self, tx: AsyncSession, held: Held) -> Mail:
        """NotToBeSent, Withdrawn."""
        to = await addressee_of(tx, held.organization_id, held.client_id)
        text = await tx.scalar(sa.select(IncidentNotice.text).where(*_the_notice(held)))
        return Mail(to=to.email, subject=_SUBJECT, text=text or "")

    async def sent(self, tx: AsyncSession, held: Held, at: datetime, message_id: str) -> None:
        """They were told; who was told before keeps that proof."""
        incident = sa.select(IncidentNotice.incident_id).where(*_the_notice(held))
        await tx.execute(
            sa.update(IncidentSubject)
            .where(
                IncidentSubject.organization_id == held.organization_id,
                IncidentSubject.incident_id == incident.scalar_subquery(),
                IncidentSubject.client_id == held.client_id,
                IncidentSubject.told_at.is_(None),
            )
            .values(told_at=at, channel=IncidentChannel.EMAIL, proof=f"Message-ID {message_id}")
        )

    async def failed(self, tx: AsyncSession, held: Held, at: datetime) -> None:
        """They are still among those to be told."""
        del tx, held, at


def _the_notice(held: Held) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        IncidentNotice.organization_id == held.organization_id,
        IncidentNotice.id == held.owner_id,
    )
