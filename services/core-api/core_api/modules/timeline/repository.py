"""The places of a client's entries in the order of the timeline, over the tables of all contexts.

One statement, each kind cut to the page by an index of its own before they are sorted together.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.timeline_sources import (
    ROWS,
    TimelineKind,
    TimelinePlace,
    TimelineSource,
    TimelineWindow,
)
from shared_schemas.ids import OrganizationId


class Timeline:
    """The timelines of one organization's clients."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def list(
        self,
        family: Sequence[UUID],
        sources: Sequence[TimelineSource],
        after: TimelinePlace | None,
        rows: int,
    ) -> Sequence[sa.Row[Any]]:
        """Up to `rows` entries, newest first: occurred_at, kind, id, client_id, ticket_id."""
        if not sources:
            return []
        statement = _places(tuple(sources), None if after is None else after.kind)
        given = TimelineWindow.parameters(self._organization_id, family, after, rows)
        found: Sequence[sa.Row[Any]] = (await self._session.execute(statement, given)).all()
        return found


@lru_cache(maxsize=128)
def _places(
    sources: tuple[TimelineSource, ...], after: TimelineKind | None
) -> sa.Select[*tuple[Any, ...]]:
    """Made once for what somebody may see and asks for: making it takes longer than its answer."""
    entries = sa.union_all(*(_branch(source, after) for source in sources)).subquery("entries")
    # Byte by byte, as Python compares: a locale may pass over the underscore.
    kind = entries.c.kind.collate("C")
    order = (entries.c.occurred_at.desc(), kind.desc(), entries.c.id.desc())
    return sa.select(entries).order_by(*order).limit(ROWS)


def _branch(source: TimelineSource, after: TimelineKind | None) -> sa.Select[Any]:
    of_kind = source.branch(TimelineWindow(source.kind, after)).subquery(source.kind)
    kind = sa.literal(source.kind.value, sa.Text()).label("kind")
    statement = sa.select(
        of_kind.c.occurred_at, kind, of_kind.c.id, of_kind.c.client_id, of_kind.c.ticket_id
    )
    cut = statement.order_by(of_kind.c.occurred_at.desc(), of_kind.c.id.desc()).limit(ROWS)
    return sa.select(cut.subquery())
