"""What a ledger says about time: how much has passed, when it is due, when levels were reached.

Pure: the entries of one timer and the calendars they name go in, instants come out. Nothing else
knows how to count, and nothing here does input or output.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from core_api.modules.sla.hours import ALWAYS, BusinessCalendar

LEVELS: Final = (50, 80, 100)
"""Percent of the target at which somebody is told; the last one is the breach."""
BREACH: Final = 100
_NOTHING: Final = timedelta(0)


class Metric(StrEnum):
    """What is measured."""

    FIRST_RESPONSE = "first_response"  # creation to the first public reply; once per ticket
    NEXT_RESPONSE = "next_response"  # client's message to the next reply; once per message
    RESOLUTION = "resolution"  # creation to resolution; goes on when reopened


class EntryKind(StrEnum):
    """What a row of the ledger says."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"  # what was measured has happened
    CANCEL = "cancel"  # it is not waited for any more
    POLICY = "policy"  # other terms from here on
    CALENDAR = "calendar"  # the same terms on another version of the calendar
    WARN = "warn"
    BREACH = "breach"


class TimerState(StrEnum):
    """How a timer stands."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Measure(StrEnum):
    """What a target counts in."""

    BUSINESS = "business"  # hours of the policy's calendar
    CALENDAR = "calendar"  # hours on the wall


@dataclass(frozen=True, slots=True)
class Revision:
    """One unchangeable version of a policy or a calendar."""

    id: UUID
    revision: int


Calendars = Mapping[Revision, BusinessCalendar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a timer is measured against. Without a target it counts and is never due."""

    policy: Revision | None = None
    calendar: Revision | None = None
    measure: Measure = Measure.BUSINESS
    target: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A row of the ledger. START, POLICY and CALENDAR carry terms; WARN and BREACH a level."""

    kind: EntryKind
    at: datetime
    terms: Terms | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a timer's life in which nothing changed; `end` is None for the last one."""

    begin: datetime
    end: datetime | None
    state: TimerState
    terms: Terms


_STATE_AFTER: Final = {
    EntryKind.START: TimerState.RUNNING,
    EntryKind.PAUSE: TimerState.PAUSED,
    EntryKind.RESUME: TimerState.RUNNING,
    EntryKind.STOP: TimerState.STOPPED,
    EntryKind.CANCEL: TimerState.CANCELLED,
}


def segments(entries: Sequence[Entry]) -> list[Segment]:
    """The timer's life, cut where its state or its terms change. The first entry is its START."""
    first = entries[0]
    begin, state, terms = first.at, TimerState.RUNNING, first.terms or Terms()
    found = []
    for entry in entries[1:]:
        if entry.kind not in _STATE_AFTER and entry.terms is None:
            continue
        found.append(Segment(begin, entry.at, state, terms))
        begin, state = entry.at, _STATE_AFTER.get(entry.kind, state)
        terms = entry.terms or terms
    return [*found, Segment(begin, None, state, terms)]


def elapsed(
    entries: Sequence[Entry], calendars: Calendars, at: datetime, measure: Measure | None = None
) -> timedelta:
    """The time counted until `at`: in what the terms count in, or in `measure` throughout."""
    total = _NOTHING
    for segment in segments(entries):
        end = at if segment.end is None else min(segment.end, at)
        if segment.state is TimerState.RUNNING and segment.begin < end:
            total += _calendar(segment.terms, calendars, measure).worked(segment.begin, end)
    return total


def due_at(entries: Sequence[Entry], calendars: Calendars) -> datetime | None:
    """When the time counted reaches the target that is in force now.

    None without a target, and while the timer does not run and has not reached it: how long it will
    stand still is unknown. Of one that has ended: when it would have been due.
    """
    life = _before_its_end(segments(entries))
    target = life[-1].terms.target
    if target is None:
        return None
    counted = _NOTHING
    for segment, calendar in _running(life, calendars):
        reached = calendar.after(segment.begin, target - counted)
        if reached is not None and (segment.end is None or reached < segment.end):
            return reached
        if segment.end is not None:
            counted += calendar.worked(segment.begin, segment.end)
    return None


def crossings(entries: Sequence[Entry], calendars: Calendars) -> dict[int, datetime]:
    """When each level was, or will be, reached first, by the targets in force at the time.

    Reached is reached: a longer target given later does not undo it. Whoever ends exactly at the
    due time is in time, and a timer at rest reaches nothing.
    """
    found: dict[int, datetime] = {}
    counted = _NOTHING
    for segment, calendar in _running(segments(entries), calendars):
        for level in LEVELS:
            if level in found or segment.terms.target is None:
                continue
            missing = segment.terms.target * level / 100 - counted
            reached = calendar.after(segment.begin, missing)
            if reached is not None and (segment.end is None or reached < segment.end):
                found[level] = reached
        if segment.end is not None:
            counted += calendar.worked(segment.begin, segment.end)
    return found


def _running(
    life: Sequence[Segment], calendars: Calendars
) -> Iterator[tuple[Segment, BusinessCalendar]]:
    for segment in life:
        if segment.state is TimerState.RUNNING and segment.begin != segment.end:
            yield segment, _calendar(segment.terms, calendars)


def _before_its_end(life: Sequence[Segment]) -> list[Segment]:
    """As if it had not ended."""
    going_on = list(life)
    while going_on[-1].state in {TimerState.STOPPED, TimerState.CANCELLED}:
        going_on.pop()
    last = going_on[-1]
    return [*going_on[:-1], Segment(last.begin, None, last.state, last.terms)]


def _calendar(
    terms: Terms, calendars: Calendars, measure: Measure | None = None
) -> BusinessCalendar:
    if (measure or terms.measure) is Measure.CALENDAR or terms.calendar is None:
        return ALWAYS
    return calendars[terms.calendar]
