"""What a run reads and writes: its source, what was seen before, and what it found, each write in a
transaction that holds the run's fence."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import ClaimedJob, LeaseLost
from chassis.security.sealing import Place
from knowledge.failures import DocumentRefused
from knowledge.models import Language, Visibility
from knowledge.sources.entries import KnownItem
from knowledge.sources.models import ItemState, SourceItem, SourceKind, SourceRun, WatchedSource
from knowledge.submission import Access
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id

_ITEMS: Final = cast("sa.Table", SourceItem.__table__)
_RUNS: Final = SourceRun.__table__
_items, _runs = _ITEMS.c, _RUNS.c
_TEXTS: Final = postgresql.ARRAY(sa.Text())


@dataclass(frozen=True, slots=True)
class Run:
    """One look at a source: what the source says, and since when the look goes on."""

    job: ClaimedJob
    source_id: UUID
    kind: SourceKind
    address: str
    options: dict[str, Any]
    sealed_credentials: bytes | None
    chunking: str
    language: Language | None
    tags: Sequence[str]
    created_by: UserId
    began_at: datetime
    erased_key: bytes | None = None

    @property
    def organization_id(self) -> OrganizationId:
        """Whose it is."""
        return self.job.organization_id

    @property
    def actor(self) -> Actor:
        """Documents are submitted in the name of who set the source up. May nothing by itself."""
        return Actor(
            organization_id=self.job.organization_id,
            user_id=self.created_by,
            roles=frozenset(),
            request_id=self.job.payload["correlation_id"],
        )

    @property
    def place(self) -> Place:
        """Where the credentials are sealed."""
        return place_of(self.organization_id, self.source_id)


def place_of(organization_id: UUID, source_id: UUID) -> Place:
    """Where the credentials of a source are sealed: nowhere else do they open."""
    return Place(organization_id, source_id, "sealed_credentials")


async def begin(session: AsyncSession, job: ClaimedJob) -> Run:
    """What the job is about. Raises LeaseLost when the source is gone."""
    of_job = sa.and_(
        _runs.organization_id == WatchedSource.organization_id,
        _runs.source_id == WatchedSource.id,
        _runs.id == job.id,
    )
    found = await session.execute(
        sa.select(WatchedSource, _runs.created_at)
        .join(_RUNS, of_job)
        .where(WatchedSource.organization_id == job.organization_id)
    )
    row = found.one_or_none()
    if row is None:
        raise LeaseLost
    source, began_at = row
    return Run(
        job=job,
        source_id=source.id,
        kind=source.kind,
        address=source.address,
        options=source.options,
        sealed_credentials=source.sealed_credentials,
        chunking=source.chunking,
        language=source.language,
        tags=tuple(source.tags),
        created_by=source.created_by,
        began_at=began_at,
        erased_key=source.erased_key,
    )


async def access_now(session: AsyncSession, run: Run) -> Access:
    """Whom what it brings is for. Who changes that waits, or is waited for: no document comes in
    behind it. Raises LeaseLost when the source is gone."""
    found = await session.execute(
        sa.select(
            WatchedSource.visibility, WatchedSource.allowed_roles, WatchedSource.allowed_team_ids
        )
        .where(
            WatchedSource.organization_id == run.organization_id,
            WatchedSource.id == run.source_id,
        )
        .with_for_update(read=True)
    )
    row = found.one_or_none()
    if row is None:
        raise LeaseLost
    return Access(
        Visibility(row.visibility),
        allowed_roles=tuple(row.allowed_roles),
        allowed_team_ids=tuple(row.allowed_team_ids),
    )


async def known_items(session: AsyncSession, run: Run) -> dict[str, KnownItem]:
    """Everything seen in the source so far, by address."""
    names = list(KnownItem.__dataclass_fields__)
    found = await session.execute(sa.select(*(_items[name] for name in names)).where(*_of(run)))
    return {row["address"]: KnownItem(**row) for row in found.mappings()}


async def write_item(
    session: AsyncSession,
    run: Run,
    address: str,
    state: ItemState,
    values: dict[str, Any],
    refusal: DocumentRefused | None = None,
) -> None:
    """How one look ended. What `values` does not name stays as it is."""
    changes = {
        "state": state,
        "error_code": None if refusal is None else str(refusal.code),
        "error_message": None if refusal is None else str(refusal),
        "checked_at": sa.func.clock_timestamp(),
        "updated_at": sa.func.clock_timestamp(),
        **values,
    }
    first = {
        "id": new_id(),
        "organization_id": run.organization_id,
        "source_id": run.source_id,
        "address": address,
        "misses": 0,
        **changes,
    }
    await session.execute(
        postgresql.insert(_ITEMS)
        .values(first)
        .on_conflict_do_update(
            index_elements=[_items.organization_id, _items.source_id, _items.address],
            set_=changes,
        )
    )


async def touch(session: AsyncSession, run: Run, addresses: Sequence[str]) -> int:
    """These are as they were; returns how many."""
    touched = await session.execute(
        sa.update(_ITEMS)
        .where(*_of(run), _items.address == sa.any_(sa.literal(list(addresses), _TEXTS)))
        .values(checked_at=sa.func.clock_timestamp(), misses=0)
        .returning(_items.id)
    )
    return len(touched.all())


async def miss(session: AsyncSession, run: Run, there: Collection[str], *, gone_after: int) -> int:
    """Everything but what is there was not found this time; returns how many are gone by now."""
    over = _items.misses + 1 >= gone_after
    missed = await session.execute(
        sa.update(_ITEMS)
        .where(
            *_of(run),
            _items.address != sa.all_(sa.literal(list(there), _TEXTS)),
            _items.state.in_((ItemState.ACTIVE, ItemState.FAILED)),
            # Once in a run, however often it is interrupted.
            sa.or_(_items.checked_at.is_(None), _items.checked_at < run.began_at),
        )
        .values(
            misses=_items.misses + 1,
            state=sa.case((over, ItemState.GONE.value), else_=_items.state),
            checked_at=sa.func.clock_timestamp(),
        )
        .returning(_items.state)
    )
    return sum(state is ItemState.GONE for state in missed.scalars())


async def count(session: AsyncSession, run: Run, **added: int) -> None:
    """Adds to what the run says it has done, in the transaction of the doing."""
    await _change(session, run, {name: _runs[name] + number for name, number in added.items()})


async def set_found(session: AsyncSession, run: Run, found: int) -> None:
    """How many there are."""
    await _change(session, run, {"found": found})


async def write_synced(session: AsyncSession, run: Run) -> None:
    """The source was looked at from one end to the other."""
    table = cast("sa.Table", WatchedSource.__table__)
    await session.execute(
        sa.update(table)
        .where(table.c.organization_id == run.organization_id, table.c.id == run.source_id)
        .values(last_synced_at=sa.func.clock_timestamp())
    )


async def _change(session: AsyncSession, run: Run, values: dict[str, Any]) -> None:
    await session.execute(
        sa.update(_RUNS)
        .where(_runs.organization_id == run.organization_id, _runs.id == run.job.id)
        .values(values)
    )


def _of(run: Run) -> tuple[sa.ColumnElement[bool], ...]:
    return _items.organization_id == run.organization_id, _items.source_id == run.source_id
