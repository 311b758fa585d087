"""Sources of one organization, their runs and what was seen in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.sources.exceptions import SourceNotFound, SyncUnderWay
from chassis.observability.tracing import current_traceparent
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage
from knowledge.sources.models import ItemState, RunTrigger, SourceItem, SourceRun, WatchedSource
from shared_schemas.ids import OrganizationId, UserId, new_id

_RUNS = SourceRun.__table__


class Sources:
    """The sources of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, source_id: UUID) -> WatchedSource:
        """Raises SourceNotFound."""
        found = await self._session.scalar(self._mine().where(WatchedSource.id == source_id))
        if found is None:
            raise SourceNotFound
        return found

    async def get_for_change(self, source_id: UUID, seen_version: int | None) -> WatchedSource:
        """Locked. Raises SourceNotFound, PreconditionFailed."""
        mine = self._mine().where(WatchedSource.id == source_id).with_for_update()
        found = await self._session.scalar(mine)
        if found is None:
            raise SourceNotFound
        check_version(found.version, seen_version)
        return found

    async def list(self, page: CursorPage) -> Sequence[WatchedSource]:
        """Newest first, one more than asked for."""
        statement = self._mine()
        position = page.position(datetime.fromisoformat, UUID)
        if position is not None:
            here = sa.tuple_(WatchedSource.created_at, WatchedSource.id)
            statement = statement.where(here < sa.tuple_(*position))
        newest = statement.order_by(WatchedSource.created_at.desc(), WatchedSource.id.desc())
        return (await self._session.scalars(newest.limit(page.limit + 1))).all()

    async def latest_runs(self, source_ids: Sequence[UUID]) -> dict[UUID, Any]:
        """The last look at each."""
        columns = _RUNS.c
        latest = (
            sa.select(_RUNS)
            .where(
                columns.organization_id == self._organization_id, columns.source_id.in_(source_ids)
            )
            .ext(distinct_on(columns.source_id))
            .order_by(columns.source_id, columns.created_at.desc(), columns.id.desc())
        )
        return {row.source_id: row for row in await self._session.execute(latest)}

    async def runs(self, source_id: UUID, page: CursorPage) -> Sequence[Any]:
        """The latest first, one more than asked for."""
        columns = _RUNS.c
        statement = sa.select(_RUNS).where(
            columns.organization_id == self._organization_id, columns.source_id == source_id
        )
        position = page.position(datetime.fromisoformat, UUID)
        if position is not None:
            statement = statement.where(
                sa.tuple_(columns.created_at, columns.id) < sa.tuple_(*position)
            )
        newest = statement.order_by(columns.created_at.desc(), columns.id.desc())
        return (await self._session.execute(newest.limit(page.limit + 1))).all()

    async def items(
        self, source_id: UUID, state: ItemState | None, page: CursorPage
    ) -> Sequence[SourceItem]:
        """By address, one more than asked for."""
        statement = sa.select(SourceItem).where(
            SourceItem.organization_id == self._organization_id, SourceItem.source_id == source_id
        )
        if state is not None:
            statement = statement.where(SourceItem.state == state)
        position = page.position(str)
        if position is not None:
            statement = statement.where(SourceItem.address > position[0])
        return (
            await self._session.scalars(
                statement.order_by(SourceItem.address).limit(page.limit + 1)
            )
        ).all()

    async def ask(
        self,
        source_id: UUID,
        trigger: RunTrigger,
        *,
        requested_by: UserId | None,
        correlation_id: str,
    ) -> Any:
        """A run that waits for a worker. Raises SyncUnderWay when there is one."""
        inserted = await self._session.execute(
            postgresql.insert(_RUNS)
            .values(
                id=new_id(),
                organization_id=self._organization_id,
                source_id=source_id,
                trigger=trigger,
                requested_by=requested_by,
                correlation_id=correlation_id,
                traceparent=current_traceparent(),
            )
            .on_conflict_do_nothing()
            .returning(_RUNS)
        )
        row = inserted.one_or_none()
        if row is None:
            raise SyncUnderWay
        return row

    def _mine(self) -> sa.Select[WatchedSource]:
        return sa.select(WatchedSource).where(
            WatchedSource.organization_id == self._organization_id
        )
