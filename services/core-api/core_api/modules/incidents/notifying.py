"""The notices of an incident: drafting them, keeping them as they were given, who was told."""

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.deliveries.service import DeliveryKind, call_off, enqueue_all
from core_api.modules.incidents.drafts import draft
from core_api.modules.incidents.exceptions import (
    DelayUnexplained,
    NoticeIncomplete,
    NoticeMisdirected,
    NoticeNotNeeded,
)
from core_api.modules.incidents.models import (
    Audience,
    Incident,
    IncidentChannel,
    IncidentNotice,
    IncidentSubject,
    NoticeKind,
)
from core_api.modules.incidents.repository import Incidents
from core_api.modules.incidents.schemas import Draft, IncidentNoticeCreate, Told
from core_api.modules.incidents.timing import MEETS, Timing
from core_api.modules.officers.service import responsible_of
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=5)
_PUBLIC_FOR: Final = timedelta(days=90)
"""A notice on public pages stays for three months at least (Res. 15/2024, art. 9 § 3)."""


class Notifying:
    """In the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.incidents = Incidents(tx, actor.organization_id)
        self.timing = Timing(tx, actor.organization_id)

    async def draft(self, incident_id: UUID, audience: Audience) -> Draft:
        """What would be said today."""
        incident = await self.incidents.get(incident_id)
        return await self._draft(incident, audience, utc_now())

    async def give(self, incident_id: UUID, given: IncidentNoticeCreate) -> IncidentNotice:
        """Keeps a notice as it was given, with what proves it; its deadline is met."""
        incident = await self.incidents.get_open(incident_id)
        if not incident.must_be_notified:
            raise NoticeNotNeeded
        sent_at = _past("body.sent_at", given.sent_at, incident.known_at)
        _check_way(given, sent_at)
        text = given.text or await self._checked(incident, given, sent_at)
        notice = IncidentNotice(
            id=new_id(),
            organization_id=self.actor.organization_id,
            incident_id=incident.id,
            text=text,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            sent_at=sent_at,
            recorded_by=self.actor.user_id,
            created_at=utc_now(),
            **given.model_dump(exclude={"text", "sent_at"}),
        )
        self.tx.add(notice)
        await self.tx.flush()
        await audit.record(
            self.tx,
            self.actor,
            "incident.notified",
            incident.id,
            changes=made({"audience": given.audience, "kind": given.kind, "sha256": notice.sha256}),
            related={"notice_id": notice.id},
        )
        await self._keep_time(incident, notice)
        return notice

    async def send(self, incident_id: UUID, notice_id: UUID) -> int:
        """Has a notice sent to everybody affected who was not told one by one yet, and to nobody
        twice; how many mails that makes. IncidentNoticeNotFound, NoticeMisdirected."""
        incident = await self.incidents.get_open(incident_id)
        notice = await self.incidents.notice_to_mail(incident.id, notice_id)
        untold = await self.incidents.untold_ids(incident.id)
        wanted = [(notice.id, client_id) for client_id in untold]
        organization_id, kind = self.actor.organization_id, DeliveryKind.INCIDENT_NOTICE
        queued = await enqueue_all(self.tx, organization_id, kind, wanted)
        await audit.record(
            self.tx,
            self.actor,
            "incident.notice_queued",
            incident.id,
            changes=made({"queued": queued}),
            related={"notice_id": notice.id},
        )
        return queued

    async def tell(self, incident_id: UUID, given: Told) -> int:
        """That people were told one by one; of how many that was new. Mails that wait for them are
        not sent any more. ClientNotFound for who is not among those affected."""
        await call_off(
            self.tx,
            self.actor.organization_id,
            DeliveryKind.INCIDENT_NOTICE,
            await self.incidents.notice_ids(incident_id),
            given.client_ids,
        )
        incident = await self.incidents.get_open(incident_id)
        told_at = _past("body.told_at", given.told_at, incident.known_at)
        mine = sa.and_(
            IncidentSubject.organization_id == self.actor.organization_id,
            IncidentSubject.incident_id == incident.id,
        )
        if given.client_ids:
            mine = sa.and_(mine, IncidentSubject.client_id.in_(given.client_ids))
            known = await self.tx.scalar(sa.select(sa.func.count()).where(mine))
            if known != len(given.client_ids):
                raise ClientNotFound
        statement = (
            sa.update(IncidentSubject)
            .where(mine, IncidentSubject.told_at.is_(None))
            .values(
                told_at=told_at,
                channel=given.channel,
                proof=given.proof,
                told_by=self.actor.user_id,
            )
            .returning(IncidentSubject.client_id)
        )
        told = len((await self.tx.scalars(statement)).all())
        await audit.record(
            self.tx,
            self.actor,
            "incident.subjects_told",
            incident.id,
            changes=made({"told": told, "channel": given.channel, "proof": given.proof}),
        )
        return told

    async def _draft(self, incident: Incident, audience: Audience, at: datetime) -> Draft:
        responsible = await responsible_of(self.tx, self.actor.organization_id)
        due = (await self.timing.due(incident))[MEETS[audience, NoticeKind.INITIAL]]
        return draft(audience, incident, responsible, late=at > due)

    async def _checked(
        self, incident: Incident, given: IncidentNoticeCreate, sent_at: datetime
    ) -> str:
        """The draft's text. Only the first notice to the ANPD may lack something, with reasons."""
        prepared = await self._draft(incident, given.audience, sent_at)
        may_lack = (given.audience, given.kind) == (Audience.ANPD, NoticeKind.INITIAL)
        if prepared.missing and not (may_lack and given.incomplete_because):
            raise NoticeIncomplete(missing="; ".join(prepared.missing))
        return prepared.text

    async def _keep_time(self, incident: Incident, notice: IncidentNotice) -> None:
        deadline = MEETS.get((notice.audience, notice.kind))
        if deadline is None:
            return
        if notice.sent_at > (await self.timing.due(incident))[deadline]:
            _explained(incident, notice)
        await self.timing.met(incident, deadline, notice.sent_at)
        if (notice.audience, notice.kind) == (Audience.ANPD, NoticeKind.INITIAL):
            if notice.incomplete_because is None:
                completion = MEETS[Audience.ANPD, NoticeKind.COMPLETION]
                await self.timing.waive(incident, completion)
            else:  # what completes it is counted from it
                await self.timing.run(incident)


def _explained(incident: Incident, notice: IncidentNotice) -> None:
    if notice.kind is NoticeKind.INITIAL and not incident.delay_reason:
        raise DelayUnexplained.on("body.sent_at", DelayUnexplained.message)


def _check_way(given: IncidentNoticeCreate, sent_at: datetime) -> None:
    to_anpd = given.audience is Audience.ANPD
    if not to_anpd and given.kind is not NoticeKind.INITIAL:
        raise NoticeMisdirected.on("body.kind", NoticeMisdirected.message)
    if not to_anpd and given.channel is IncidentChannel.ANPD_FORM:
        raise NoticeMisdirected.on("body.channel", NoticeMisdirected.message)
    if given.channel is not IncidentChannel.PUBLIC:
        return
    if to_anpd:
        raise NoticeMisdirected.on("body.channel", NoticeMisdirected.message)
    if given.public_until is None or given.public_until < sent_at + _PUBLIC_FOR:
        raise InvalidInput.on(
            "body.public_until", "O aviso público fica no ar por pelo menos três meses."
        )


def _past(field: str, given: datetime | None, begin: datetime) -> datetime:
    now = utc_now()
    at = given or now
    if at > now + _CLOCKS_MAY_DIFFER or at < begin:
        raise InvalidInput.on(
            field, "O momento está no futuro, ou antes do conhecimento do incidente."
        )
    return at
