"""What core-api would have told of teams, merges, purposes, consents, blocks and transfers, written
as its events are handled; and by which ways somebody comes to know of a document."""

from datetime import datetime
from itertools import count
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from ai_svc_factories import DOCUMENTS, Person
from fastapi import FastAPI

from ai_svc.modules.access import following, processing
from ai_svc.workshop import Workshop
from chassis.data.columns import utc_now
from devstack.people import PEOPLE
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ConsentGranted,
    ConsentRefused,
    ConsentRevoked,
    ProcessingBlocked,
    ProcessingUnblocked,
    PurposeChanged,
    TeamMembersChanged,
    TransferChanged,
)
from shared_schemas.events.base import BaseEvent
from shared_schemas.ids import OrganizationId, new_id

E = TypeVar("E", bound=BaseEvent)
AURORA = OrganizationId(PEOPLE["ana"].organization.id)
MARKETING: Final = "marketing"
"""Rests on consent."""
SERVICE: Final = "atendimento"
"""Rests on a contract."""
_VERSIONS: Final = count(1)


class CoreApi:
    """Tells ai-svc of one organization."""

    def __init__(self, app: FastAPI, organization_id: OrganizationId = AURORA) -> None:
        workshop: Workshop = app.state.workshop
        self.app = app
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

    async def purpose(self, code: str, legal_basis: str = "contract", **changes: Any) -> None:
        """What the registry says of a purpose from now on."""
        given = {
            "purpose_id": uuid5(self.organization_id, code),
            "purpose_code": code,
            "legal_basis": legal_basis,
            "assistant_may_use": True,
            "archived": False,
            "material_version": 1,
            "version": next(_VERSIONS),
        }
        event = self._event(PurposeChanged, **(given | changes))
        async with self.database.transaction(self.organization_id) as session:
            await processing.follow_purpose(session, event)

    async def purposes(self) -> None:
        """Those of the tests, in use."""
        await self.purpose(MARKETING, "consent")
        await self.purpose(SERVICE)

    async def blocked(
        self, client_id: UUID, purpose_code: str | None = None, block_id: UUID | None = None
    ) -> UUID:
        """A client's data is not used any more."""
        block_id = block_id or new_id()
        event = self._event(
            ProcessingBlocked, block_id=block_id, client_id=client_id, purpose_code=purpose_code
        )
        async with self.database.transaction(self.organization_id) as session:
            await processing.follow_blocked(session, event)
        return block_id

    async def unblocked(
        self, client_id: UUID, block_id: UUID, purpose_code: str | None = None
    ) -> None:
        """A block is over."""
        event = self._event(
            ProcessingUnblocked, block_id=block_id, client_id=client_id, purpose_code=purpose_code
        )
        async with self.database.transaction(self.organization_id) as session:
            await processing.follow_unblocked(session, event)

    async def transfer(self, *purpose_codes: str, **changes: Any) -> None:
        """What the register says of OpenAI from now on."""
        given: dict[str, Any] = {
            "transfer_id": uuid5(self.organization_id, "openai"),
            "provider": "openai",
            "country": "US",
            "mechanism": "standard_clauses",
            "purpose_codes": purpose_codes,
            "allowed": True,
            "valid_until": None,
            "version": next(_VERSIONS),
        }
        event = self._event(TransferChanged, **(given | changes))
        async with self.database.transaction(self.organization_id) as session:
            await processing.follow_transfer(session, event)

    async def granted(
        self, client_id: UUID, consent_id: UUID | None = None, **changes: Any
    ) -> UUID:
        """A consent to marketing."""
        event = self._event(ConsentGranted, **_receipt(client_id, consent_id, changes))
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_granted(session, event)
        return event.payload.consent_id

    async def refused(self, client_id: UUID, **changes: Any) -> UUID:
        """A no to marketing."""
        event = self._event(ConsentRefused, **_receipt(client_id, None, changes))
        async with self.database.transaction(self.organization_id) as session:
            await following.follow_refused(session, event)
        return event.payload.consent_id

    async def revoked(self, client_id: UUID, consent_id: UUID, **changes: Any) -> None:
        """Its end."""
        event = self._event(ConsentRevoked, **_receipt(client_id, consent_id, changes))
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

    def _event(self, kind: type[E], **payload: Any) -> E:
        return kind.caused(organization_id=self.organization_id, correlation_id="req-1", **payload)


def _receipt(client_id: UUID, consent_id: UUID | None, changes: dict[str, Any]) -> dict[str, Any]:
    """All that a decision's events say of it."""
    return {
        "consent_id": consent_id or new_id(),
        "client_id": client_id,
        "purpose_id": new_id(),
        "purpose_code": MARKETING,
        "notice_version": 1,
        "decided_at": utc_now(),
        "expires_at": None,
    } | changes


def told_consent(client_id: UUID, **changes: Any) -> dict[str, Any]:
    """A consent as core-api tells it when it is asked what stands."""
    return {
        "consent_id": str(new_id()),
        "client_id": str(client_id),
        "purpose_id": str(new_id()),
        "purpose_code": MARKETING,
        "refused": False,
        "notice_version": 1,
        "decided_at": utc_now().isoformat(),
        "expires_at": None,
        "revoked_at": None,
    } | changes


async def sees(
    person: Person, document_id: UUID, client_id: UUID | None, question: str, fact: str
) -> dict[str, bool]:
    """By which ways somebody comes to know of the document that answers the question with the fact.
    All of them, or none."""
    named = {} if client_id is None else {"client_id": str(client_id)}
    filters = {"filters": named}
    path = f"{DOCUMENTS}/{document_id}"
    listed = (await person.get(DOCUMENTS, params={**named, "limit": 100})).json()["data"]
    counted = (await person.get(DOCUMENTS, params={**named, "page": 1, "per_page": 1})).json()
    answered = await person.ask(question, **filters)
    return {
        "list": str(document_id) in [document["id"] for document in listed],
        "total": counted["meta"]["total"] == 1,
        "read": (await person.get(path, params=named)).status_code == 200,
        "content": (await person.get(f"{path}/content", params=named)).status_code == 200,
        "version": (await person.get(f"{path}/versions/1", params=named)).status_code == 200,
        "versions": (await person.get(f"{path}/versions", params=named)).status_code == 200,
        "chunks": (await person.get(f"{path}/chunks", params=named)).status_code == 200,
        "search": bool(await person.search(question, **filters)),
        "search by id": bool(
            await person.search(question, filters={**named, "document_ids": [str(document_id)]})
        ),
        "ask": fact in answered["answer"],
    }
