"""Making one client of two: previewed, in one transaction, and so that it can be undone."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.security.sealing import SealBroken
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import Change, Changes
from core_api.client_relations import CLIENT_RELATIONS
from core_api.client_rows import MovingRows
from core_api.modules.audit import service as audit
from core_api.modules.clients import documents
from core_api.modules.clients.models import Client
from core_api.modules.clients.search import index as search_index
from core_api.modules.consents.service import heed_revocations
from core_api.modules.duplicates.exceptions import KindsDiffer, MergeSealed, with_itself
from core_api.modules.duplicates.models import ClientMerge
from core_api.modules.duplicates.plan import (
    SINGLE,
    Choice,
    FieldPlan,
    MergeField,
    Values,
    columns,
    planned,
    values_of,
)
from core_api.modules.duplicates.repository import Merges, Pairs
from core_api.modules.erasure.service import require_no_erasure
from core_api.modules.tickets.service import follow_client
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.events import ClientMerged, ClientUpdated
from shared_schemas.ids import new_id

MOVING: Final = tuple(rows for rows in CLIENT_RELATIONS if isinstance(rows, MovingRows))
TICKETS: Final = "tickets"
Choices = Mapping[MergeField, Choice]


@dataclass(frozen=True, slots=True)
class RelationPlan:
    """What refers to the other client: how much, and whether it will refer to the surviving one."""

    name: str
    count: int
    moves: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do."""

    this: Client
    other: Client
    fields: list[FieldPlan]
    relations: list[RelationPlan]


class MergeService:
    """Joining clients, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.pairs = Pairs(tx, actor.organization_id)
        self.merges = Merges(tx, actor.organization_id)

    async def preview(self, client_id: UUID, other_id: UUID, choices: Choices) -> Preview:
        """Every field with both values and the result, every relation with its count."""
        this, other = await self._two(client_id, other_id, lock=False)
        fields = self._plan(this, other, choices)
        organization_id = self.actor.organization_id
        relations = [
            RelationPlan(
                rows.name, await rows.count(self.tx, organization_id, other.id), rows.moves
            )
            for rows in CLIENT_RELATIONS
        ]
        return Preview(this, other, fields, relations)

    async def merge(
        self,
        client_id: UUID,
        other_id: UUID,
        choices: Choices,
        reason: str | None,
        seen: tuple[int | None, int | None],
    ) -> ClientMerge:
        """The other client goes into this one. `seen`: the versions the caller knows of both."""
        survivor, merged = await self._locked(client_id, other_id, seen)
        plan = self._plan(survivor, merged, choices)
        gives_id, vault = _gives_external_id(plan), vault_of(self.tx)
        before = values_of(survivor, vault)
        changes = await self._take_over(survivor, merged, plan, gives_id=gives_id)
        merge = ClientMerge(
            id=new_id(),
            organization_id=self.actor.organization_id,
            survivor_id=survivor.id,
            merged_id=merged.id,
            merged_by=self.actor.user_id,
            reason=reason,
            moved=await self._move(merged.id, survivor.id),
            changed={},
        )
        after = values_of(survivor, vault)
        merge.changed = await seal_changes(self.tx, merge, before, after, gives_id=gives_id)
        self.tx.add(merge)
        await self._tell(merge, changes)
        tickets = moved_tickets(merge)
        await follow_client(
            self.tx, self.actor, tickets, merged.id, survivor.id, reason=merge.reason
        )
        await search_index.refresh(
            self.tx,
            merge.organization_id,
            [survivor, merged],
            old_names=[changes["name"].old] if "name" in changes else (),
        )
        await self.tx.flush()
        await heed_revocations(self.tx, self.actor, survivor.id)
        return merge

    async def _locked(
        self, client_id: UUID, other_id: UUID, seen: tuple[int | None, int | None]
    ) -> tuple[Client, Client]:
        """After what refers to the other one, as everybody locks them; both as they were seen."""
        # What is erased by its clients' ids must not become another's meanwhile.
        await require_no_erasure(self.tx, self.actor.organization_id, {client_id, other_id})
        for rows in MOVING:
            await rows.lock(self.tx, self.actor.organization_id, other_id)
        survivor, merged = await self._two(client_id, other_id, lock=True)
        check_version(survivor.version, seen[0])
        check_version(merged.version, seen[1])
        return survivor, merged

    async def _two(self, one: UUID, other: UUID, *, lock: bool) -> tuple[Client, Client]:
        if one == other:
            raise with_itself()
        this, that = await self.pairs.get(one, other, lock=lock)
        if this.kind is not that.kind:
            raise KindsDiffer
        return this, that

    def _plan(self, this: Client, other: Client, choices: Choices) -> list[FieldPlan]:
        for field, choice in choices.items():
            if field in SINGLE and choice is Choice.BOTH:
                raise InvalidInput.on(f"body.choices.{field}", "Este campo tem um só valor.")
        vault = vault_of(self.tx)
        return planned(values_of(this, vault), values_of(other, vault), choices)

    async def _take_over(
        self, survivor: Client, merged: Client, plan: list[FieldPlan], *, gives_id: bool
    ) -> Changes:
        values = {field.field: field.result for field in plan}
        if gives_id:  # an external id is one client's at any time
            merged.external_id = None
        merged.merged_into_id = survivor.id
        await self.tx.flush()
        return await apply(self.tx, survivor, values)

    async def _move(self, source: UUID, target: UUID) -> dict[str, list[str]]:
        moved = {
            rows.name: await rows.move(self.tx, self.actor.organization_id, source, target)
            for rows in MOVING
        }
        return {name: [str(found) for found in ids] for name, ids in moved.items() if ids}

    async def _tell(self, merge: ClientMerge, changes: Changes) -> None:
        ids = {"client_id": merge.survivor_id, "merged_id": merge.merged_id, "merge_id": merge.id}
        outbox.add(self.tx, ClientMerged.by(self.actor, **ids))
        fields = sorted({*changes, "merged_into_id"})
        event = ClientUpdated.by(self.actor, client_id=merge.survivor_id, changed=fields)
        outbox.add(self.tx, event)
        await audit.record(
            self.tx,
            self.actor,
            "client.merged",
            merge.survivor_id,
            changes=changes,
            about=merge.survivor_id,
            personal=Client.PERSONAL,
            related={"merged_id": merge.merged_id, "merge_id": merge.id},
            reason=merge.reason,
        )


def moved_tickets(merge: ClientMerge) -> list[UUID]:
    """Those that went from the one client to the other."""
    return [UUID(found) for found in merge.moved.get(TICKETS, ())]


async def apply(tx: AsyncSession, client: Client, values: Values) -> Changes:
    """Gives a client these values; what changed, the document in the clear."""
    changes = Changes()
    if MergeField.DOCUMENT in values:
        number = values[MergeField.DOCUMENT]
        changes = documents.change_document(vault_of(tx), client, number)
    changes |= client.change(columns(values))
    await tx.flush()
    return changes


async def seal_changes(
    tx: AsyncSession, merge: ClientMerge, before: Values, after: Values, *, gives_id: bool
) -> dict[str, Any]:
    """What the merge did to the survivor, readable as long as the survivor's key exists."""
    secret = {
        field: [before[field], after[field]]
        for field in MergeField
        if before[field] != after[field]
    }
    key = await audit.SubjectKeys(tx, merge.organization_id).of(merge.survivor_id)
    sealed = key.seal.close(json.dumps(secret).encode(), _bound(merge))
    return {
        "fields": sorted(secret),
        "gave_external_id": gives_id,
        "key": str(key.id),
        "sealed": base64.b64encode(sealed).decode(),
    }


async def open_changes(tx: AsyncSession, merge: ClientMerge) -> dict[MergeField, Change]:
    """The same again; MergeSealed once the key is gone."""
    key_id = UUID(merge.changed["key"])
    seal = (await audit.SubjectKeys(tx, merge.organization_id).among([key_id])).get(key_id)
    if seal is None:
        raise MergeSealed
    try:
        text = seal.open(base64.b64decode(merge.changed["sealed"]), _bound(merge))
    except SealBroken:
        raise MergeSealed from None
    return {MergeField(name): Change(*pair) for name, pair in json.loads(text).items()}


def _bound(merge: ClientMerge) -> bytes:
    return merge.organization_id.bytes + merge.id.bytes + b"client_merges.changed"


def _gives_external_id(plan: list[FieldPlan]) -> bool:
    [field] = [field for field in plan if field.field is MergeField.EXTERNAL_ID]
    return field.other is not None and field.result == field.other
