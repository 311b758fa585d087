"""What core-api would have told: teams, consents and merges, written as its events are handled."""

from datetime import datetime
from uuid import UUID

from fastapi import FastAPI

from ai_svc.modules.access import following
from ai_svc.workshop import Workshop
from chassis.data.columns import utc_now
from devstack.people import PEOPLE
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ConsentGranted,
    ConsentRevoked,
    TeamMembersChanged,
)
from shared_schemas.ids import OrganizationId, new_id

AURORA = OrganizationId(PEOPLE["ana"].organization.id)
MARKETING = "marketing"


class CoreApi:
    """Tells ai-svc of one organization."""

    def __init__(self, app: FastAPI, organization_id: OrganizationId = AURORA) -> None:
        workshop: Workshop = app.state.workshop
        self.database = workshop.database
        self.organization_id = organization_id

    async def team(
        self,
        team_id: UUID,
        *,
        added: tuple[str, ...] = (),
        removed: tuple[str, ...] = (),
        at: datetime | None = None,
    ) -> None:
        """Who came into the team, and who left it."""
        event = TeamMembersChanged.caused(
            organization_id=self.organization_id,
            correlation_id="req-1",
            team_id=team_id,
            added=tuple(PEOPLE[name].sub for name in added),
            removed=tuple(PEOPLE[name].sub for name in removed),
        ).model_copy(update={"timestamp": at or utc_now()})
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_team(session, event)

    async def granted(self, client_id: UUID, consent_id: UUID | None = None) -> UUID:
        """A consent to marketing."""
        consent_id = consent_id or new_id()
        event = ConsentGranted.caused(
            organization_id=self.organization_id,
            correlation_id="req-1",
            consent_id=consent_id,
            client_id=client_id,
            purpose_id=new_id(),
            purpose_code=MARKETING,
        )
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_granted(session, event)
        return consent_id

    async def revoked(self, client_id: UUID, consent_id: UUID) -> None:
        """Its end."""
        event = ConsentRevoked.caused(
            organization_id=self.organization_id,
            correlation_id="req-1",
            consent_id=consent_id,
            client_id=client_id,
            purpose_id=new_id(),
            purpose_code=MARKETING,
        )
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_revoked(session, event)

    async def merged(self, merged_id: UUID, survivor_id: UUID) -> UUID:
        """One client went into another."""
        merge_id = new_id()
        event = ClientMerged.caused(
            organization_id=self.organization_id,
            correlation_id="req-1",
            client_id=survivor_id,
            merged_id=merged_id,
            merge_id=merge_id,
        )
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_merge(session, event)
        return merge_id

    async def undone(self, merge_id: UUID, merged_id: UUID, survivor_id: UUID) -> None:
        """Two clients again."""
        event = ClientMergeUndone.caused(
            organization_id=self.organization_id,
            correlation_id="req-1",
            client_id=survivor_id,
            merged_id=merged_id,
            merge_id=merge_id,
        )
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_undone_merge(session, event)
