"""Incidents of one organization in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage, Position
from core_api.keyset import Keyset
from core_api.modules.incidents.exceptions import (
    IncidentClosed,
    IncidentNotFound,
    IncidentNoticeNotFound,
    NoticeMisdirected,
)
from core_api.modules.incidents.models import (
    Audience,
    Incident,
    IncidentChannel,
    IncidentNotice,
    IncidentStatus,
    IncidentSubject,
    NoticeKind,
    Severity,
)
from shared_schemas.ids import OrganizationId

LATEST_FIRST: Final = Keyset(
    name="-known_at", column=Incident.known_at, id=Incident.id, parse=datetime.fromisoformat
)
NOTICE_ORDER: Final = Keyset(
    name="sent_at",
    column=IncidentNotice.sent_at,
    id=IncidentNotice.id,
    parse=datetime.fromisoformat,
)


@dataclass(frozen=True, kw_only=True)
class IncidentFilter:
    """Which incidents; None means any."""

    status: IncidentStatus | None = None
    severity: Severity | None = None


class Incidents:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, incident_id: UUID) -> Incident:
        """The incident, or IncidentNotFound."""
        return await self._one(self._mine().where(Incident.id == incident_id))

    async def get_open(self, incident_id: UUID) -> Incident:
        """The incident, locked; IncidentNotFound, IncidentClosed."""
        statement = self._mine().where(Incident.id == incident_id)
        incident = await self._one(statement.with_for_update())
        if incident.status is IncidentStatus.CLOSED:
            raise IncidentClosed
        return incident

    async def list(self, wanted: IncidentFilter, page: CursorPage) -> Sequence[Incident]:
        """A page, the latest known first."""
        statement = self._mine()
        if wanted.status is not None:
            statement = statement.where(Incident.status == wanted.status)
        if wanted.severity is not None:
            statement = statement.where(Incident.severity == wanted.severity)
        return (await self._session.scalars(LATEST_FIRST.page(statement, page))).all()

    async def notices(self, incident_id: UUID, page: CursorPage) -> Sequence[IncidentNotice]:
        """A page of the notices that were given, in their order."""
        statement = self._notices(incident_id)
        return (await self._session.scalars(NOTICE_ORDER.page(statement, page))).all()

    async def notice_to_mail(self, incident_id: UUID, notice_id: UUID) -> IncidentNotice:
        """One to the subjects by e-mail; NoticeMisdirected for others, IncidentNoticeNotFound."""
        statement = self._notices(incident_id).where(IncidentNotice.id == notice_id)
        notice = (await self._session.scalars(statement)).one_or_none()
        if notice is None:
            raise IncidentNoticeNotFound
        by_mail = notice.channel is IncidentChannel.EMAIL
        if notice.audience is not Audience.SUBJECTS or not by_mail:
            raise NoticeMisdirected.on("path.notice_id", NoticeMisdirected.message)
        return notice

    async def notice_ids(self, incident_id: UUID) -> Sequence[UUID]:
        """Of all that were given."""
        statement = self._notices(incident_id).with_only_columns(IncidentNotice.id)
        return (await self._session.scalars(statement)).all()

    async def untold_ids(self, incident_id: UUID) -> Sequence[UUID]:
        """Who was affected and not told one by one yet."""
        statement = sa.select(IncidentSubject.client_id).where(
            IncidentSubject.organization_id == self._organization_id,
            IncidentSubject.incident_id == incident_id,
            IncidentSubject.told_at.is_(None),
        )
        return (await self._session.scalars(statement.order_by(IncidentSubject.client_id))).all()

    async def first_notice(
        self, incident_id: UUID, audience: Audience, kind: NoticeKind = NoticeKind.INITIAL
    ) -> IncidentNotice | None:
        """The earliest of its kind to this audience."""
        statement = self._notices(incident_id).where(
            IncidentNotice.audience == audience, IncidentNotice.kind == kind
        )
        ordered = statement.order_by(IncidentNotice.sent_at, IncidentNotice.id).limit(1)
        return (await self._session.scalars(ordered)).one_or_none()

    async def subjects(
        self, incident_id: UUID, page: CursorPage, *, told: bool | None
    ) -> Sequence[IncidentSubject]:
        """A page of who was affected, by id."""
        statement = sa.select(IncidentSubject).where(
            IncidentSubject.organization_id == self._organization_id,
            IncidentSubject.incident_id == incident_id,
        )
        if told is not None:
            known = IncidentSubject.told_at
            statement = statement.where(known.is_not(None) if told else known.is_(None))
        after = page.position(UUID)
        if after is not None:
            statement = statement.where(IncidentSubject.client_id > after[0])
        ordered = statement.order_by(IncidentSubject.client_id).limit(page.limit + 1)
        return (await self._session.scalars(ordered)).all()

    async def untold(self, incident_id: UUID) -> int:
        """How many of those affected were not told one by one."""
        statement = sa.select(sa.func.count()).where(
            IncidentSubject.organization_id == self._organization_id,
            IncidentSubject.incident_id == incident_id,
            IncidentSubject.told_at.is_(None),
        )
        return await self._session.scalar(statement) or 0

    async def _one(self, statement: sa.Select[Incident]) -> Incident:
        incident = (await self._session.scalars(statement)).one_or_none()
        if incident is None:
            raise IncidentNotFound
        return incident

    def _notices(self, incident_id: UUID) -> sa.Select[IncidentNotice]:
        return sa.select(IncidentNotice).where(
            IncidentNotice.organization_id == self._organization_id,
            IncidentNotice.incident_id == incident_id,
        )

    def _mine(self) -> sa.Select[Incident]:
        return sa.select(Incident).where(Incident.organization_id == self._organization_id)


def subject_position(subject: IncidentSubject) -> Position:
    """Where a page of subjects ends."""
    return (subject.client_id,)
