"""Saved views that single a person out: by their id, or by a name somebody typed. They go whole."""

from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.views.models import SavedView
from core_api.subject_stores import Store, Subject, Tally, Workshop
from shared_schemas.privacy import StoreAction

_TABLE: Final = cast("sa.Table", SavedView.__table__)


@dataclass(frozen=True, kw_only=True)
class ViewsOfSomebody:
    """Of all views of the organization, which are a few hundred at most."""

    name: str = "saved_views"
    label: str = "Visões salvas que citam o titular"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Views whose name or filter names the subject."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return len(await self._found(tx, subject))

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them. Whoever had one as their first has the list's first again."""
        async with workshop.database.transaction(subject.organization_id) as tx:
            found = await self._found(tx, subject)
            if not found:
                return 0
            mine = _TABLE.c.organization_id == subject.organization_id
            gone = sa.delete(_TABLE).where(mine, _TABLE.c.id.in_(found)).returning(_TABLE.c.id)
            count = len((await tx.execute(gone)).all())
            await tally(tx, count)
        return count

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _found(self, tx: AsyncSession, subject: Subject) -> list[UUID]:
        ids = [str(client_id) for client_id in subject.client_ids]
        views = await tx.execute(
            sa.select(_TABLE.c.id, _TABLE.c.name, sa.cast(_TABLE.c.filter, sa.Text()).label("said"))
            .where(_TABLE.c.organization_id == subject.organization_id)
            .order_by(_TABLE.c.id)
        )
        return [
            view.id
            for view in views
            if any(client_id in view.said for client_id in ids)
            or subject.is_named_in(f"{view.name}\n{view.said}")
        ]


VIEW_STORES: Final[tuple[Store, ...]] = (ViewsOfSomebody(),)
