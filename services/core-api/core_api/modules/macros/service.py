"""Writing canned replies and macros."""

from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from core_api.changes import Changes, made, removed
from core_api.modules.audit import service as audit
from core_api.modules.macros.exceptions import (
    CannedReplyNotFound,
    CannedReplyNotShared,
    SharedForbidden,
)
from core_api.modules.macros.models import CannedReply, Macro
from core_api.modules.macros.references import require_references
from core_api.modules.macros.repository import CannedReplies, Macros
from core_api.modules.macros.schemas import Action, CannedReplyCreate, MacroCreate, SayAction
from core_api.sharing import may_change, owner_of
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_REPLY_FIELDS: Final = ("name", "body")
_MACRO_FIELDS: Final = ("name", "actions", "position")


class CannedReplyService:
    """The commands on canned replies, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.replies = CannedReplies(tx, actor.organization_id, actor.user_id)

    async def create(self, given: CannedReplyCreate) -> CannedReply:
        """One's own text, or with `desk:configure` one for everybody."""
        owner_id = owner_of(self.actor, shared=given.shared, refusal=SharedForbidden)
        values = given.model_dump(exclude={"shared"})
        reply = CannedReply(
            id=new_id(), organization_id=self.actor.organization_id, owner_id=owner_id, **values
        )
        self.tx.add(reply)
        await self._record("canned_reply.created", reply, made(values))
        return reply

    async def change(
        self, reply_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> CannedReply:
        """Applies a whole PATCH or nothing."""
        reply = await self.replies.get(reply_id, lock=True)
        may_change(self.actor, reply.owner_id, SharedForbidden)
        check_version(reply.version, seen_version)
        changes = reply.change(values)
        if changes:
            await self._record("canned_reply.updated", reply, changes)
        return reply

    async def delete(self, reply_id: UUID, seen_version: int | None) -> None:
        """For good, unless macros use it: the key of their uses sees to that."""
        reply = await self.replies.get(reply_id, lock=True)
        may_change(self.actor, reply.owner_id, SharedForbidden)
        check_version(reply.version, seen_version)
        gone = removed({name: getattr(reply, name) for name in _REPLY_FIELDS})
        await self.tx.delete(reply)
        await self._record("canned_reply.deleted", reply, gone)

    async def _record(self, action: str, reply: CannedReply, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, reply.id, changes=changes)
        await self.tx.flush()


class MacroService:
    """The commands on macros, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.macros = Macros(tx, actor.organization_id, actor.user_id)
        self.replies = CannedReplies(tx, actor.organization_id, actor.user_id)

    async def create(self, given: MacroCreate) -> Macro:
        """One's own macro, or with `desk:configure` one for everybody."""
        owner_id = owner_of(self.actor, shared=given.shared, refusal=SharedForbidden)
        await require_references(self.tx, self.actor.organization_id, given.actions)
        values = {
            "name": given.name,
            "actions": [action.model_dump(mode="json") for action in given.actions],
            "position": given.position,
        }
        macro = Macro(
            id=new_id(), organization_id=self.actor.organization_id, owner_id=owner_id, **values
        )
        self.tx.add(macro)
        await self._record("macro.created", macro, made(values))
        await self._use_texts(macro, given.actions)
        return macro

    async def change(
        self, macro_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> Macro:
        """Applies a whole PATCH or nothing."""
        macro = await self.macros.get(macro_id, lock=True)
        may_change(self.actor, macro.owner_id, SharedForbidden)
        check_version(macro.version, seen_version)
        actions: list[Action] | None = values.get("actions")
        if actions is not None:
            await require_references(self.tx, self.actor.organization_id, actions)
            values = {
                **values,
                "actions": [action.model_dump(mode="json") for action in actions],
            }
        changes = macro.change(values)
        if changes:
            await self._record("macro.updated", macro, changes)
        if actions is not None:
            await self._use_texts(macro, actions)
        return macro

    async def delete(self, macro_id: UUID, seen_version: int | None) -> None:
        """For good; what it did stays."""
        macro = await self.macros.get(macro_id, lock=True)
        may_change(self.actor, macro.owner_id, SharedForbidden)
        check_version(macro.version, seen_version)
        gone = removed({name: getattr(macro, name) for name in _MACRO_FIELDS})
        await self.tx.delete(macro)
        await self._record("macro.deleted", macro, gone)

    async def _use_texts(self, macro: Macro, actions: list[Action]) -> None:
        """A macro may use what all who may apply it can see."""
        used = {
            action.canned_reply_id
            for action in actions
            if isinstance(action, SayAction) and action.canned_reply_id is not None
        }
        known = await self.replies.among(used)
        for reply_id in sorted(used):
            if reply_id not in known:
                raise CannedReplyNotFound
            if macro.owner_id is None and known[reply_id].owner_id is not None:
                raise CannedReplyNotShared(canned_reply_id=reply_id)
        await self.macros.keep_uses(macro.id, used)
        await self.tx.flush()

    async def _record(self, action: str, macro: Macro, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, macro.id, changes=changes)
        await self.tx.flush()
