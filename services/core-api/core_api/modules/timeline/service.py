"""Reading a page of a client's timeline."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage, Position
from core_api.modules.clients.service import family_of
from core_api.modules.timeline.registry import SOURCES
from core_api.modules.timeline.repository import Timeline
from core_api.timeline_sources import TimelineKind, TimelinePlace, TimelineSource, Told
from shared_schemas.actor import Actor


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened."""

    occurred_at: datetime
    kind: TimelineKind
    id: UUID
    client_id: UUID
    ticket_id: UUID | None
    told: Told


@dataclass(frozen=True, kw_only=True)
class TimelinePage:
    """Entries, newest first, and where the next page begins, if there is one."""

    entries: Sequence[Entry]
    position: Position | None


class TimelineService:
    """The timelines an actor may see."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.timeline = Timeline(tx, actor.organization_id)

    async def page(
        self, client_id: UUID, kinds: Collection[TimelineKind], page: CursorPage
    ) -> TimelinePage:
        """Of the client and all merged into it, or ClientNotFound; no `kinds` means all."""
        after = _place(page)
        family = await family_of(self.tx, self.actor.organization_id, client_id)
        sources = [
            source
            for kind, source in SOURCES.items()
            if self.actor.may(source.permission) and (not kinds or kind in kinds)
        ]
        rows = await self.timeline.list(family, sources, after, page.limit + 1)
        shown, has_more = rows[: page.limit], len(rows) > page.limit
        return TimelinePage(
            entries=await self._entries(sources, shown),
            position=_position(shown[-1]) if has_more else None,
        )

    async def _entries(
        self, sources: Collection[TimelineSource], rows: Sequence[sa.Row[Any]]
    ) -> list[Entry]:
        """What the places hold. What was deleted since they were found is left out."""
        told: dict[str, Mapping[UUID, Told]] = {}
        for source in sources:
            if ids := [row.id for row in rows if row.kind == source.kind]:
                told[source.kind] = await source.load(self.tx, self.actor, ids)
        return [
            Entry(
                occurred_at=row.occurred_at,
                kind=TimelineKind(row.kind),
                id=row.id,
                client_id=row.client_id,
                ticket_id=row.ticket_id,
                told=told[row.kind][row.id],
            )
            for row in rows
            if row.id in told[row.kind]
        ]


def _place(page: CursorPage) -> TimelinePlace | None:
    position = page.position(datetime.fromisoformat, TimelineKind, UUID)
    if position is None:
        return None
    occurred_at, kind, entry_id = position
    return TimelinePlace(occurred_at=occurred_at, kind=kind, id=entry_id)


def _position(row: sa.Row[Any]) -> Position:
    return (row.occurred_at, row.kind, row.id)
