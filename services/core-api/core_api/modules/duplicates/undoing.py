"""Making two clients again of one, also after it was edited: nothing is lost unasked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import DomainError
from chassis.web.etag import check_version
from core_api.changes import Changes
from core_api.modules.audit import service as audit
from core_api.modules.clients.exceptions import ClientNotFound
from core_api.modules.clients.models import Client
from core_api.modules.clients.search import index as search_index
from core_api.modules.duplicates.exceptions import (
    MergeAlreadyUndone,
    MergeTooOld,
    SurvivorMerged,
    UndoConflicts,
)
from core_api.modules.duplicates.merging import MOVING, apply, moved_tickets, open_changes
from core_api.modules.duplicates.models import ClientMerge
from core_api.modules.duplicates.plan import FieldConflict, MergeField, restored, values_of
from core_api.modules.duplicates.repository import Merges, Pairs
from core_api.modules.tickets.service import follow_client
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorDetail
from shared_schemas.events import ClientMergeUndone, ClientUpdated


class Way(StrEnum):
    """What to do with a field that was changed after the merge."""

    RESTORE = "restore"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that was changed after the merge."""

    field: MergeField
    before: Any
    merged: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Outlook:
    """Whether a merge can be undone, and what has to be decided for it."""

    refusal: DomainError | None
    conflicts: list[Conflict]


class UndoService:
    """Separating clients again, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.pairs = Pairs(tx, actor.organization_id)
        self.merges = Merges(tx, actor.organization_id)

    async def outlook(self, merge: ClientMerge) -> Outlook:
        """What `undo` would run into now."""
        try:
            survivor, _ = await self._two(merge, lock=False)
            _, conflicts = await self._before(merge, survivor, {})
        except DomainError as refusal:
            return Outlook(refusal, [])
        return Outlook(None, conflicts)

    async def undo(
        self,
        merge_id: UUID,
        ways: Mapping[MergeField, Way],
        reason: str | None,
        seen_version: int | None,
    ) -> ClientMerge:
        """Fields and relations are again what they were, with what was added since."""
        merge = await self.merges.get(merge_id, lock=True)
        check_version(merge.version, seen_version)
        for rows in MOVING:
            await rows.lock(self.tx, merge.organization_id, merge.survivor_id)
        survivor, merged = await self._two(merge, lock=True)
        values, conflicts = await self._before(merge, survivor, ways)
        if conflicts:
            raise UndoConflicts(details=[_detail(conflict) for conflict in conflicts])
        gave_back = merge.changed["gave_external_id"] and await self._external_id(merge)
        changes = await apply(self.tx, survivor, values)
        if gave_back:
            merged.external_id = gave_back
        merged.merged_into_id = None
        await self._move_back(merge)
        merge.undo(self.actor.user_id)
        await self._tell(merge, changes, reason)
        tickets = moved_tickets(merge)
        await follow_client(self.tx, self.actor, tickets, survivor.id, merged.id, reason=reason)
        old_names = [changes["name"].old] if "name" in changes else []
        await search_index.refresh(
            self.tx, merge.organization_id, [survivor, merged], old_names=old_names
        )
        return merge

    async def _two(self, merge: ClientMerge, *, lock: bool) -> tuple[Client, Client]:
        """The survivor and the client that went into it, if they can be separated."""
        if merge.undone_at is not None:
            raise MergeAlreadyUndone
        if utc_now() > merge.reversible_until:
            raise MergeTooOld(reversible_until=f"{merge.reversible_until:%d/%m/%Y}")
        survivor, merged = await self.pairs.known(merge.survivor_id, merge.merged_id, lock=lock)
        if survivor.merged_into_id is not None:
            raise SurvivorMerged(merged_into_id=survivor.merged_into_id)
        if merged.merged_into_id != survivor.id:
            raise ClientNotFound
        return survivor, merged

    async def _before(
        self, merge: ClientMerge, survivor: Client, ways: Mapping[MergeField, Way]
    ) -> tuple[dict[MergeField, Any], list[Conflict]]:
        """The survivor's fields without the merge, and those that somebody has to decide."""
        present = values_of(survivor, vault_of(self.tx))
        values: dict[MergeField, Any] = {}
        conflicts: list[Conflict] = []
        for field, change in (await open_changes(self.tx, merge)).items():
            now = present[field]
            try:
                values[field] = restored(field, change.old, change.new, now)
            except FieldConflict:
                match ways.get(field):
                    case Way.RESTORE:
                        values[field] = change.old
                    case Way.KEEP:
                        values[field] = now
                    case None:
                        conflicts.append(Conflict(field, change.old, change.new, now))
        return values, conflicts

    async def _external_id(self, merge: ClientMerge) -> str | None:
        changed = (await open_changes(self.tx, merge)).get(MergeField.EXTERNAL_ID)
        return None if changed is None else changed.new

    async def _move_back(self, merge: ClientMerge) -> None:
        for rows in MOVING:
            ids = [UUID(found) for found in merge.moved.get(rows.name, ())]
            if ids:
                await rows.move_back(
                    self.tx, merge.organization_id, ids, merge.survivor_id, merge.merged_id
                )

    async def _tell(self, merge: ClientMerge, changes: Changes, reason: str | None) -> None:
        ids = {"client_id": merge.survivor_id, "merged_id": merge.merged_id, "merge_id": merge.id}
        outbox.add(self.tx, ClientMergeUndone.by(self.actor, **ids))
        for client_id in (merge.survivor_id, merge.merged_id):
            fields = sorted({*changes, "merged_into_id"})
            outbox.add(self.tx, ClientUpdated.by(self.actor, client_id=client_id, changed=fields))
        await audit.record(
            self.tx,
            self.actor,
            "client.merge_undone",
            merge.survivor_id,
            changes=changes,
            about=merge.survivor_id,
            personal=Client.PERSONAL,
            related={"merged_id": merge.merged_id, "merge_id": merge.id},
            reason=reason,
        )


def _detail(conflict: Conflict) -> ErrorDetail:
    return ErrorDetail(
        field=f"body.choices.{conflict.field}",
        message="Alterado depois da união. Escolha restore (como era antes) ou keep (como está).",
        type="undo_conflict",
    )
