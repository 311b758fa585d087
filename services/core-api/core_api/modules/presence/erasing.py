"""Who is at a person's tickets: keys in Redis that would be gone in a minute anyway."""

from dataclasses import dataclass
from typing import Final

from core_api.modules.presence.board import key_of
from core_api.modules.tickets.erasing import tickets_of
from core_api.subject_stores import Store, Subject, Tally, Workshop
from shared_schemas.privacy import StoreAction

_AT_ONCE: Final = 500


@dataclass(frozen=True, kw_only=True)
class PresenceKeys:
    """One key per ticket somebody looks at."""

    name: str = "presence"
    label: str = "Presença nos chamados (Redis)"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Keys that are there now."""
        keys = await self._keys(workshop, subject)
        counts = [
            await workshop.redis.exists(*keys[start : start + _AT_ONCE])
            for start in range(0, len(keys), _AT_ONCE)
        ]
        return sum(counts)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them: what counts is that they are gone, so a kill may lose the count."""
        keys, gone = await self._keys(workshop, subject), 0
        for start in range(0, len(keys), _AT_ONCE):
            gone += await workshop.redis.delete(*keys[start : start + _AT_ONCE])
        if gone:
            async with workshop.database.transaction(subject.organization_id) as tx:
                await tally(tx, gone)
        return 0  # who looks again meanwhile is no reason to start over

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """The keys name members of staff, and end by themselves: nothing of the subject is left."""
        del workshop, subject
        return 0

    async def _keys(self, workshop: Workshop, subject: Subject) -> list[str]:
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            ids = (await tx.scalars(tickets_of(subject))).all()
        return [key_of(subject.organization_id, ticket_id) for ticket_id in ids]


PRESENCE_STORES: Final[tuple[Store, ...]] = (PresenceKeys(),)
