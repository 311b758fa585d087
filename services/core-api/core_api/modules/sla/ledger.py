"""The ledger in the database: read as timers, written as rows, projected for lists and reports."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from core_api.modules.sla.clock import (
    BREACH,
    LEVELS,
    Calendars,
    Entry,
    EntryKind,
    Measure,
    Metric,
    Revision,
    Terms,
    TimerState,
    crossings,
    due_at,
    elapsed,
)
from core_api.modules.sla.definition import calendar_of
from core_api.modules.sla.hours import BusinessCalendar
from core_api.modules.sla.models import SlaCalendarRevision, SlaEntry, SlaTimer
from core_api.modules.sla.rules import ENDED, Timer
from shared_schemas.events import BaseEvent, SlaBreached, SlaWarned
from shared_schemas.ids import OrganizationId, UserId, new_id

_WARNING: Final = LEVELS[1]
_REMEMBERED: Final = 500
_SECOND: Final = timedelta(seconds=1)
_ENTRY: Final = cast("sa.Table", SlaEntry.__table__)
_TIMER: Final = cast("sa.Table", SlaTimer.__table__)

_calendars: OrderedDict[tuple[OrganizationId, Revision], BusinessCalendar] = OrderedDict()
"""Revisions never change: each is read once per process."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """Why rows are added to a ledger."""

    what: str
    actor_id: UserId | None
    correlation_id: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """One ticket's timers at a moment, with what is to be added to its ledger."""

    ticket_id: UUID
    client_id: UUID
    at: datetime
    timers: Sequence[Timer]
    calendars: Calendars
    cause: Cause

    @property
    def changed(self) -> list[Timer]:
        """Those with rows that are not in the ledger yet."""
        return [timer for timer in self.timers if timer.known < len(timer.entries)]

    @property
    def moves_due_times(self) -> bool:
        """Whether a new row says more than that a level was reached."""
        return any(
            entry.level is None for timer in self.timers for entry in timer.entries[timer.known :]
        )

    def due(self) -> tuple[datetime | None, datetime | None]:
        """The ticket's next due time, and when its first warning is reached."""
        waiting = [timer for timer in self.timers if timer.is_open]
        dues = [due_at(timer.entries, self.calendars) for timer in waiting]
        warnings = [crossings(timer.entries, self.calendars).get(_WARNING) for timer in waiting]
        return _first(dues), _first(warnings)

    def took(self, metric: Metric) -> int | None:
        """Business seconds of what has happened, without what was paused; None while it has not."""
        for timer in self.timers:
            if timer.metric is metric and timer.now.state is TimerState.STOPPED:
                end = timer.now.begin
                return elapsed(timer.entries, self.calendars, end, Measure.BUSINESS) // _SECOND
        return None


class Ledger:
    """The ledger of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def timers(self, ticket_ids: Iterable[UUID]) -> dict[UUID, list[Timer]]:
        """The timers of each ticket, in one statement."""
        wanted = list(ticket_ids)
        statement = (
            sa.select(*_ENTRY.c)
            .where(
                _ENTRY.c.organization_id == self._organization_id, _ENTRY.c.ticket_id.in_(wanted)
            )
            .order_by(_ENTRY.c.ticket_id, _ENTRY.c.metric, _ENTRY.c.run, _ENTRY.c.position)
        )
        found: dict[UUID, dict[tuple[Metric, int], Timer]] = {wanted_id: {} for wanted_id in wanted}
        for row in await self._session.execute(statement):
            one = found[row.ticket_id]
            timer = one.setdefault(
                (row.metric, row.run), Timer(metric=row.metric, run=row.run, entries=[])
            )
            timer.entries.append(_entry(row))
            timer.known += 1
        return {ticket_id: list(one.values()) for ticket_id, one in found.items()}

    async def calendars(self, revisions: Iterable[Revision | None]) -> Calendars:
        """Business time by revision; read at most once per process."""
        wanted = {revision for revision in revisions if revision is not None}
        unknown = [one for one in wanted if (self._organization_id, one) not in _calendars]
        if unknown:
            table = SlaCalendarRevision
            statement = sa.select(table.calendar_id, table.revision, table.definition).where(
                table.organization_id == self._organization_id,
                sa.tuple_(table.calendar_id, table.revision).in_(
                    [(one.id, one.revision) for one in unknown]
                ),
            )
            for row in await self._session.execute(statement):
                key = (self._organization_id, Revision(row.calendar_id, row.revision))
                _calendars[key] = calendar_of(row.definition)
        found = {one: _calendars[self._organization_id, one] for one in wanted}
        while len(_calendars) > _REMEMBERED:
            _calendars.popitem(last=False)
        return found

    async def write(self, pages: Sequence[Page]) -> None:
        """Adds the new rows, brings the projection up to date, and tells who listens."""
        entries, timers = [], []
        for page in pages:
            for timer in page.changed:
                new = timer.entries[timer.known :]
                entries += [
                    self._row(page, timer, timer.known + index, entry)
                    for index, entry in enumerate(new, start=1)
                ]
                timers.append(self._projection(page, timer))
                for event in self._events(page, timer, new):
                    outbox.add(self._session, event)
        if not entries:
            return
        await self._session.execute(sa.insert(_ENTRY), entries)
        given = insert(_TIMER)
        kept = {"id", "organization_id", "ticket_id", "metric", "run", "created_at"}
        await self._session.execute(
            given.on_conflict_do_update(
                index_elements=["organization_id", "ticket_id", "metric", "run"],
                set_={name: given.excluded[name] for name in timers[0] if name not in kept},
            ),
            timers,
        )
        await self._session.flush()

    def _events(self, page: Page, timer: Timer, new: Sequence[Entry]) -> Iterable[BaseEvent]:
        common: dict[str, Any] = {
            "organization_id": self._organization_id,
            "correlation_id": page.cause.correlation_id,
            "ticket_id": page.ticket_id,
            "client_id": page.client_id,
            "metric": timer.metric.value,
            "run": timer.run,
        }
        for entry in new:
            if entry.level is not None:
                yield SlaWarned.caused(**common, level=entry.level)
            if entry.level == BREACH:
                yield SlaBreached.caused(**common)

    def _row(self, page: Page, timer: Timer, position: int, entry: Entry) -> dict[str, Any]:
        terms = entry.terms
        return {
            "id": new_id(),
            "organization_id": self._organization_id,
            "ticket_id": page.ticket_id,
            "metric": timer.metric,
            "run": timer.run,
            "position": position,
            "kind": entry.kind,
            "at": entry.at,
            "level": entry.level,
            **_columns(terms),
            "cause": page.cause.what,
            "actor_id": page.cause.actor_id,
            "created_at": utc_now(),
        }

    def _projection(self, page: Page, timer: Timer) -> dict[str, Any]:
        now, entries, calendars = timer.now, timer.entries, page.calendars
        told = timer.told
        coming = [at for level, at in crossings(entries, calendars).items() if level not in told]
        ended = now.state in ENDED
        moment = now.begin if ended else max(page.at, now.begin)
        columns = _columns(now.terms)
        counted = {
            "elapsed_seconds": None,
            "elapsed_business_seconds": Measure.BUSINESS,
            "elapsed_calendar_seconds": Measure.CALENDAR,
        }
        return {
            "id": new_id(),
            "organization_id": self._organization_id,
            "ticket_id": page.ticket_id,
            "metric": timer.metric,
            "run": timer.run,
            "created_at": utc_now(),
            "updated_at": utc_now(),
            "state": now.state,
            **{name: columns[name] for name in ("policy_id", "policy_revision", "target_seconds")},
            "started_at": entries[0].at,
            "stopped_at": now.begin if ended else None,
            "due_at": due_at(entries, calendars),
            "next_at": None if ended else min(coming, default=None),
            "level": max(told, default=0),
            "breached_at": _breach(entries),
            "counted_at": moment,
            **{
                name: elapsed(entries, calendars, moment, measure) // _SECOND
                for name, measure in counted.items()
            },
        }


def calendars_in(timers: Iterable[Timer]) -> set[Revision | None]:
    """The calendars that these ledgers name."""
    return {
        entry.terms.calendar
        for timer in timers
        for entry in timer.entries
        if entry.terms is not None
    }


def _breach(entries: Iterable[Entry]) -> datetime | None:
    return next((entry.at for entry in entries if entry.kind is EntryKind.BREACH), None)


def _columns(terms: Terms | None) -> Mapping[str, Any]:
    policy, calendar = (None, None) if terms is None else (terms.policy, terms.calendar)
    target = None if terms is None else terms.target
    return {
        "policy_id": policy and policy.id,
        "policy_revision": policy and policy.revision,
        "calendar_id": calendar and calendar.id,
        "calendar_revision": calendar and calendar.revision,
        "measure": None if terms is None else terms.measure,
        "target_seconds": None if target is None else int(target / _SECOND),
    }


def _entry(row: Any) -> Entry:
    terms = None
    if row.measure is not None:
        terms = Terms(
            policy=_revision(row.policy_id, row.policy_revision),
            calendar=_revision(row.calendar_id, row.calendar_revision),
            measure=row.measure,
            target=None if row.target_seconds is None else row.target_seconds * _SECOND,
        )
    return Entry(kind=row.kind, at=row.at, terms=terms, level=row.level)


def _revision(of: UUID | None, revision: int | None) -> Revision | None:
    return None if of is None or revision is None else Revision(of, revision)


def _first(instants: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)
