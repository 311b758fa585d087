"""Who belongs to which company: linking, changing and unlinking."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.web.etag import check_version
from core_api.changes import Changes, made, removed
from core_api.modules.audit import service as audit
from core_api.modules.clients.exceptions import RelationNeedsBothKinds
from core_api.modules.clients.models import ClientKind, ClientRelation
from core_api.modules.clients.relations.repository import Relations
from core_api.modules.clients.relations.schemas import RelationCreate
from core_api.modules.clients.repository import Clients
from shared_schemas.actor import Actor
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import new_id


class RelationService:
    """The commands on relations, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.clients = Clients(tx, actor.organization_id)
        self.relations = Relations(tx, actor.organization_id)

    async def create(self, client_id: UUID, given: RelationCreate) -> sa.Row[Any]:
        """Links a person and a company, whichever of the two is asked."""
        kinds = await self.clients.kinds_for_share({client_id, given.client_id})
        by_kind = {kind: each for each, kind in kinds.items()}
        if len(by_kind) != len(ClientKind):
            raise RelationNeedsBothKinds
        relation = ClientRelation(
            id=new_id(),
            organization_id=self.actor.organization_id,
            company_id=by_kind[ClientKind.COMPANY],
            person_id=by_kind[ClientKind.PERSON],
            role=given.role,
        )
        self.tx.add(relation)
        await self.tx.flush()
        await self._record("client_relation.created", relation, made(_content(relation)))
        return await self.relations.show(client_id, relation.id)

    async def change(
        self, client_id: UUID, relation_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> sa.Row[Any]:
        """What the person does there."""
        relation = await self.relations.get_for_update(client_id, relation_id)
        check_version(relation.version, seen_version)
        changes = relation.change(values)
        if changes:
            await self._record("client_relation.updated", relation, changes)
            await self.tx.flush()
        return await self.relations.show(client_id, relation_id)

    async def delete(self, client_id: UUID, relation_id: UUID, seen_version: int | None) -> None:
        """The two know nothing of each other any more."""
        relation = await self.relations.get_for_update(client_id, relation_id)
        check_version(relation.version, seen_version)
        await self._record("client_relation.deleted", relation, removed(_content(relation)))
        await self.tx.delete(relation)

    async def _record(self, action: str, relation: ClientRelation, changes: Changes) -> None:
        for client_id in (relation.company_id, relation.person_id):
            event = ClientUpdated.by(self.actor, client_id=client_id, changed=["relations"])
            outbox.add(self.tx, event)
        await audit.record(
            self.tx,
            self.actor,
            action,
            relation.id,
            changes=changes,
            about=relation.person_id,
            personal=ClientRelation.PERSONAL,
            related={"company_id": relation.company_id, "person_id": relation.person_id},
        )


def _content(relation: ClientRelation) -> dict[str, Any]:
    return {
        "company_id": relation.company_id,
        "person_id": relation.person_id,
        "role": relation.role,
    }
