"""The clock of an incident: what is due, what was done, what need not be done."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.deadlines.service import DeadlineKind, Deadlines, DeadlineSubject
from core_api.modules.incidents.clock import due_times
from core_api.modules.incidents.models import Audience, Incident, NoticeKind
from core_api.modules.incidents.repository import Incidents
from shared_schemas.ids import OrganizationId

MEETS: Final[Mapping[tuple[Audience, NoticeKind], DeadlineKind]] = {
    (Audience.ANPD, NoticeKind.INITIAL): DeadlineKind.ANPD_NOTICE,
    (Audience.ANPD, NoticeKind.COMPLETION): DeadlineKind.ANPD_COMPLETION,
    (Audience.ANPD, NoticeKind.DECLARATION): DeadlineKind.SUBJECTS_DECLARATION,
    (Audience.SUBJECTS, NoticeKind.INITIAL): DeadlineKind.SUBJECTS_NOTICE,
}
"""What a notice is due by. Others may be given at any time."""


class Timing:
    """The deadlines of incidents of one organization. The incident is locked."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._deadlines = Deadlines(session, organization_id)
        self._incidents = Incidents(session, organization_id)

    async def run(self, incident: Incident) -> None:
        """Everything as the incident stands now. What was met stays met."""
        if not incident.must_be_notified:
            await self._deadlines.end(incident.id, at=utc_now(), waived=True)
            return
        due, done = await self.due(incident), await self._done(incident)
        for deadline in MEETS.values():
            if deadline in done:
                continue
            await self._deadlines.set(
                DeadlineSubject.INCIDENT,
                incident.id,
                deadline,
                started_at=incident.known_at,
                due_at=due[deadline],
            )

    async def due(self, incident: Incident) -> Mapping[DeadlineKind, datetime]:
        """When each notice is due."""
        told = await self._incidents.first_notice(incident.id, Audience.ANPD)
        told_at = None if told is None else told.sent_at
        return due_times(incident.known_at, told_at, doubled=incident.doubled)

    async def _done(self, incident: Incident) -> frozenset[DeadlineKind]:
        """By notices that were given; a first one that was complete leaves nothing to complete."""
        done = set()
        for (audience, kind), deadline in MEETS.items():
            given = await self._incidents.first_notice(incident.id, audience, kind)
            if given is None:
                continue
            done.add(deadline)
            if deadline is DeadlineKind.ANPD_NOTICE and given.incomplete_because is None:
                done.add(DeadlineKind.ANPD_COMPLETION)
        return frozenset(done)

    async def met(self, incident: Incident, deadline: DeadlineKind, at: datetime) -> None:
        """That notice was given then."""
        await self._deadlines.end(incident.id, deadline, at=at)

    async def waive(self, incident: Incident, deadline: DeadlineKind) -> None:
        """Nothing is left for it."""
        await self._deadlines.end(incident.id, deadline, at=utc_now(), waived=True)
