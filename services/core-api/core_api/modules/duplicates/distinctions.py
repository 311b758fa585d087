"""Pairs that look like one client and are known to be two."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit import service as audit
from core_api.modules.duplicates.exceptions import with_itself
from core_api.modules.duplicates.repository import Pairs
from shared_schemas.actor import Actor


class DistinctionService:
    """Dismissing suggestions, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.pairs = Pairs(tx, actor.organization_id)

    async def add(self, client_id: UUID, other_id: UUID) -> None:
        """The two are two."""
        await self._require(client_id, other_id)
        if await self.pairs.distinguish(client_id, other_id, self.actor.user_id):
            await self._record("client.distinguished", client_id, other_id)

    async def remove(self, client_id: UUID, other_id: UUID) -> None:
        """The two may be one after all."""
        await self._require(client_id, other_id)
        if await self.pairs.forget_distinction(client_id, other_id):
            await self._record("client.distinction_removed", client_id, other_id)

    async def _require(self, client_id: UUID, other_id: UUID) -> None:
        if client_id == other_id:
            raise with_itself()
        await self.pairs.get(client_id, other_id, lock=True)

    async def _record(self, action: str, client_id: UUID, other_id: UUID) -> None:
        related = {"other_id": other_id}
        await audit.record(self.tx, self.actor, action, client_id, about=client_id, related=related)
