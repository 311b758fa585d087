"""The places of a client's entries in the order of the timeline, over the tables of all contexts.

One statement, each kind cut to the page by an index of its own before they are sorted together.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.timeline_sources import TimelinePlace, TimelineSource, TimelineWindow
from shared_schemas.ids import OrganizationId


class Timeline:
    """The timelines of one organization's clients."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(
        self,
        family: Sequence[UUID],
        sources: Collection[TimelineSource],
        after: TimelinePlace | None,
        rows: int,
    ) -> Sequence[sa.Row[Any]]:
        """Up to `rows` entries, newest first: occurred_at, kind, id, client_id, ticket_id."""
        if not sources:
            return []
        branches = [self._branch(source, family, after, rows) for source in sources]
        entries = sa.union_all(*branches).subquery("entries")
        # Byte by byte, as Python compares: a locale may pass over the underscore.
        kind = entries.c.kind.collate("C")
        statement = (
            sa.select(entries)
            .order_by(entries.c.occurred_at.desc(), kind.desc(), entries.c.id.desc())
            .limit(rows)
        )
        found: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return found

    def _branch(
        self,
        source: TimelineSource,
        family: Sequence[UUID],
        after: TimelinePlace | None,
        rows: int,
    ) -> sa.Select[Any]:
        window = TimelineWindow(self._organization_id, family, source.kind, after, rows)
        of_kind = source.branch(window).subquery(source.kind)
        kind = sa.literal(source.kind.value, sa.Text()).label("kind")
        statement = sa.select(
            of_kind.c.occurred_at, kind, of_kind.c.id, of_kind.c.client_id, of_kind.c.ticket_id
        )
        cut = statement.order_by(of_kind.c.occurred_at.desc(), of_kind.c.id.desc()).limit(rows)
        return sa.select(cut.subquery())
