"""The commands: saying who the controller is, appointing officers, ending appointments."""

from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.business_days import today
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.officers.exceptions import OfficerEnded
from core_api.modules.officers.models import ControllerProfile, PrivacyOfficer
from core_api.modules.officers.repository import Officers
from core_api.modules.officers.schemas import OfficerCreate, ProfilePut
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_NEVER_SEEN: Final = 0


class OfficerService:
    """In the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.officers = Officers(tx, actor.organization_id)

    async def put_profile(self, given: ProfilePut, seen_version: int | None) -> ControllerProfile:
        """Takes the place of what was said before."""
        profile = await self.officers.profile(lock=True)
        check_version(_NEVER_SEEN if profile is None else profile.version, seen_version)
        values = given.model_dump()
        if profile is None:
            profile = ControllerProfile(
                id=new_id(), organization_id=self.actor.organization_id, **values
            )
            self.tx.add(profile)
            changes = made(values)
        else:
            changes = profile.change(values)
        await self.tx.flush()
        if changes:
            await audit.record(
                self.tx, self.actor, "controller_profile.updated", profile.id, changes=changes
            )
        return profile

    async def appoint(self, given: OfficerCreate) -> PrivacyOfficer:
        """A new appointment. One that has no end yet is ended first, by its own command."""
        values = given.model_dump()
        officer = PrivacyOfficer(id=new_id(), organization_id=self.actor.organization_id, **values)
        self.tx.add(officer)
        await self.tx.flush()
        await audit.record(
            self.tx, self.actor, "privacy_officer.appointed", officer.id, changes=made(values)
        )
        return officer

    async def change(
        self, officer_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> PrivacyOfficer:
        """How they are reached."""
        officer = await self.officers.get_for_update(officer_id)
        check_version(officer.version, seen_version)
        if not officer.answers_on(max(today(utc_now()), officer.starts_on)):
            raise OfficerEnded
        changes = officer.change(values)
        await self.tx.flush()
        if changes:
            await audit.record(
                self.tx, self.actor, "privacy_officer.updated", officer.id, changes=changes
            )
        return officer

    async def end(
        self, officer_id: UUID, ends_on: date, seen_version: int | None
    ) -> PrivacyOfficer:
        """Its last day. It stays on record."""
        officer = await self.officers.get_for_update(officer_id)
        check_version(officer.version, seen_version)
        if officer.ends_on is not None:
            raise OfficerEnded
        if ends_on < officer.starts_on:
            raise InvalidInput.on("body.ends_on", "A designação termina antes de começar.")
        changes = officer.change({"ends_on": ends_on})
        await self.tx.flush()
        await audit.record(
            self.tx, self.actor, "privacy_officer.ended", officer.id, changes=changes
        )
        return officer
