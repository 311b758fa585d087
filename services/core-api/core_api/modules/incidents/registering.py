"""The commands on an incident itself: entering, changing, assessing, finding who was affected,
closing."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.deadlines.service import Deadlines, is_small_agent
from core_api.modules.incidents import scope as scopes
from core_api.modules.incidents.clock import is_doubled, kept_until
from core_api.modules.incidents.exceptions import IncidentNotDone
from core_api.modules.incidents.models import Incident, IncidentStatus
from core_api.modules.incidents.repository import Incidents
from core_api.modules.incidents.schemas import IncidentAssess, IncidentCreate, Scope
from core_api.modules.incidents.timing import Timing
from shared_schemas.actor import Actor
from shared_schemas.events import IncidentRegistered
from shared_schemas.ids import new_id


class IncidentService:
    """In the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.incidents = Incidents(tx, actor.organization_id)
        self.timing = Timing(tx, actor.organization_id)

    async def register(self, given: IncidentCreate) -> Incident:
        """A new incident. Until somebody has assessed it, its clock runs."""
        values = given.model_dump()
        _check_times(values)
        now, organization_id = utc_now(), self.actor.organization_id
        incident = Incident(
            id=new_id(),
            organization_id=organization_id,
            status=IncidentStatus.OPEN,
            reported_by=self.actor.user_id,
            involves=[],
            doubled=is_doubled(
                is_small_agent=await is_small_agent(self.tx, organization_id),
                threatens_integrity=False,
            ),
            subjects_in_activities=await scopes.everybody(self.tx, organization_id),
            keep_until=kept_until(now),
            created_at=now,
            **values,
        )
        self.tx.add(incident)
        await self._note(incident, "incident.registered", made(values))
        outbox.add(
            self.tx,
            IncidentRegistered.by(
                self.actor, incident_id=incident.id, severity=incident.severity.value
            ),
        )
        await self.timing.run(incident)
        return incident

    async def change(
        self, incident_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Incident:
        """What is known by now; another time of knowledge moves what is still due."""
        incident = await self.incidents.get_open(incident_id)
        check_version(incident.version, seen_version)
        times = ("known_at", "occurred_at")
        _check_times({name: getattr(incident, name) for name in times} | values)
        changes = incident.change(values)
        if changes:
            await self._note(incident, "incident.updated", changes)
            await self.timing.run(incident)
        return incident

    async def assess(
        self, incident_id: UUID, given: IncidentAssess, seen_version: int | None
    ) -> Incident:
        """Whether it must be notified. May be done again: what is known changes."""
        incident = await self.incidents.get_open(incident_id)
        check_version(incident.version, seen_version)
        values = given.model_dump(exclude={"severity"})
        values["involves"] = [each.value for each in given.involves]
        if given.severity is not None:
            values["severity"] = given.severity
        values |= {"assessed_at": utc_now(), "assessed_by": self.actor.user_id}
        values["doubled"] = is_doubled(
            is_small_agent=await is_small_agent(self.tx, self.actor.organization_id),
            threatens_integrity=given.threatens_integrity,
        )
        changes = incident.change(values)
        await self._note(incident, "incident.assessed", changes)
        await self.timing.run(incident)
        return incident

    async def find_subjects(
        self, incident_id: UUID, given: Scope, seen_version: int | None
    ) -> Incident:
        """Computes who was affected and which categories of data, and enters both."""
        incident = await self.incidents.get_open(incident_id)
        check_version(incident.version, seen_version)
        found = await scopes.compute(self.tx, self.actor.organization_id, incident, given)
        changes = incident.change(
            {
                "computed": found,
                "subjects_affected": found["counts"]["clients"],
                "subjects_in_activities": await scopes.everybody(
                    self.tx, self.actor.organization_id
                ),
                **{
                    name: list(dict.fromkeys([*getattr(incident, name), *found[name]]))
                    for name in ("data_categories", "subject_categories")
                },
            }
        )
        await self._note(incident, "incident.subjects_found", changes)
        return incident

    async def close(self, incident_id: UUID, seen_version: int | None) -> Incident:
        """Nothing is left to do. It stays on record."""
        incident = await self.incidents.get_open(incident_id)
        check_version(incident.version, seen_version)
        if incident.assessed_at is None:
            raise IncidentNotDone(open="falta a avaliação do risco")
        deadlines = Deadlines(self.tx, self.actor.organization_id)
        if await deadlines.open_kinds(incident.id):
            raise IncidentNotDone(open="há comunicações pendentes")
        changes = incident.change(
            {
                "status": IncidentStatus.CLOSED,
                "closed_at": utc_now(),
                "closed_by": self.actor.user_id,
            }
        )
        await self._note(incident, "incident.closed", changes)
        return incident

    async def _note(self, incident: Incident, action: str, changes: Changes) -> None:
        await self.tx.flush()
        await audit.record(self.tx, self.actor, action, incident.id, changes=changes)


def _check_times(values: dict[str, Any]) -> None:
    known_at, occurred_at = values["known_at"], values["occurred_at"]
    if known_at > utc_now():
        raise InvalidInput.on("body.known_at", "O conhecimento não pode estar no futuro.")
    if occurred_at is not None and occurred_at > known_at:
        raise InvalidInput.on(
            "body.occurred_at", "O incidente não pode ter ocorrido depois de conhecido."
        )
