"""What happens to a ticket's timers: which rows the ledger gets at which moment. Pure.

The order is always the same: other terms that came into force meanwhile, levels reached until now,
then what has just happened. So it makes no difference how late a sweep is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from core_api.modules.sla.clock import (
    BREACH,
    Calendars,
    Entry,
    EntryKind,
    Metric,
    Segment,
    Terms,
    TimerState,
    crossings,
    segments,
)

ENDED: Final = frozenset({TimerState.STOPPED, TimerState.CANCELLED})


@dataclass(kw_only=True)
class Timer:
    """One measurement of one ticket: what its ledger says, and what is about to be added."""

    metric: Metric
    run: int = 1
    entries: list[Entry]
    known: int = 0
    """So many of the entries are in the ledger already."""

    @property
    def now(self) -> Segment:
        """How it stands, and on which terms."""
        return segments(self.entries)[-1]

    @property
    def is_open(self) -> bool:
        """Whether what it measures is still waited for."""
        return self.now.state not in ENDED

    @property
    def told(self) -> frozenset[int]:
        """The levels that somebody was told of."""
        return frozenset(entry.level for entry in self.entries if entry.level is not None)

    def add(
        self,
        kind: EntryKind,
        at: datetime,
        *,
        terms: Terms | None = None,
        level: int | None = None,
    ) -> None:
        """Adds a row. Clocks of replicas differ: a ledger never goes backwards."""
        if level is None:
            at = max(at, *(entry.at for entry in self.entries))
        self.entries.append(Entry(kind=kind, at=at, terms=terms, level=level))

    def tell(self, calendars: Calendars, until: datetime) -> None:
        """Notes each level reached before `until`, at the instant it was reached, once."""
        told = self.told
        for level, at in crossings(self.entries, calendars).items():
            if at < until and level not in told:
                kind = EntryKind.BREACH if level == BREACH else EntryKind.WARN
                self.add(kind, at, level=level)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What the policy chosen for a ticket says. Without a policy there are no terms."""

    terms: Mapping[Metric, Terms] = field(default_factory=lambda: MappingProxyType({}))
    pauses_in: frozenset[str] = frozenset()
    since: datetime | None = None
    """When these terms came into force; None for the moment at which they are applied."""


@dataclass(frozen=True, kw_only=True)
class Happening:
    """A moment in a ticket's life, as far as time is concerned."""

    at: datetime
    created_at: datetime
    status_before: str
    status: str
    is_over: bool = False
    """Resolved or closed: nothing is waited for any more."""
    reopened: bool = False
    merged: bool = False
    replied: bool = False
    asked: bool = False
    """The client has just said something."""
    answered_before: bool = False
    """There was a public reply before this moment."""


def advance(
    timers: list[Timer], offer: Offer, happening: Happening, calendars: Calendars
) -> list[Timer]:
    """The ticket's timers after the moment, with the rows to add at the end of their entries."""
    timers = list(timers)
    for timer in timers:
        if timer.is_open or (happening.reopened and timer.metric is not Metric.NEXT_RESPONSE):
            _change_terms(timer, offer, happening, calendars)
        timer.tell(calendars, happening.at)
    if not happening.is_over or happening.at == happening.created_at:
        timers += _missing(timers, offer, happening, calendars)
    _answer(timers, happening)
    if happening.is_over:
        _end(timers, happening)
    else:
        _go_on(timers, happening)
        timers += _asked(timers, offer, happening)
        _rest(timers, offer, happening.status, happening.at)
    return timers


def _change_terms(timer: Timer, offer: Offer, happening: Happening, calendars: Calendars) -> None:
    """Other terms hold from when they came into force; what was counted before stays counted."""
    old = timer.now.terms
    new = offer.terms.get(timer.metric) or Terms(calendar=old.calendar, measure=old.measure)
    if new == old:
        return
    since = min(offer.since or happening.at, happening.at)
    timer.tell(calendars, since)
    only_calendar = (new.policy, new.measure, new.target) == (old.policy, old.measure, old.target)
    timer.add(EntryKind.CALENDAR if only_calendar else EntryKind.POLICY, since, terms=new)
    _rest([timer], offer, happening.status_before, since)


def _missing(
    timers: Iterable[Timer], offer: Offer, happening: Happening, calendars: Calendars
) -> list[Timer]:
    """Timers that the policy wants and the ticket has not: of a new ticket, or of an old one that
    had no policy. Time counts from creation, but a target binds only once it is given."""
    found = []
    existing = {timer.metric for timer in timers}
    for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION):
        terms = offer.terms.get(metric)
        if metric in existing or terms is None or terms.target is None:
            continue
        if metric is Metric.FIRST_RESPONSE and happening.answered_before:
            continue
        # What went before a reopening was resolved without anybody measuring it.
        begin = happening.at if happening.reopened else happening.created_at
        timer = Timer(metric=metric, entries=[_start(begin, terms)])
        if happening.at > begin:
            unbound = Terms(calendar=terms.calendar, measure=terms.measure)
            timer.entries = [_start(begin, unbound)]
            timer.add(EntryKind.POLICY, min(offer.since or happening.at, happening.at), terms=terms)
            timer.tell(calendars, happening.at)
        found.append(timer)
    return found


def _answer(timers: Iterable[Timer], happening: Happening) -> None:
    """A public reply ends the waiting for one, even when it comes after the resolution."""
    if not happening.replied:
        return
    for timer in timers:
        late = timer.metric is Metric.FIRST_RESPONSE and timer.now.state is TimerState.CANCELLED
        if timer.metric is not Metric.RESOLUTION and (timer.is_open or late):
            timer.add(EntryKind.STOP, happening.at)


def _end(timers: Iterable[Timer], happening: Happening) -> None:
    for timer in timers:
        if timer.is_open:
            done = timer.metric is Metric.RESOLUTION and not happening.merged
            timer.add(EntryKind.STOP if done else EntryKind.CANCEL, happening.at)


def _go_on(timers: Iterable[Timer], happening: Happening) -> None:
    """Reopening resumes the remaining time. A first response that was given stays as it is."""
    if not happening.reopened:
        return
    for timer in timers:
        resolution = timer.metric is Metric.RESOLUTION and not timer.is_open
        unanswered = (
            timer.metric is Metric.FIRST_RESPONSE and timer.now.state is TimerState.CANCELLED
        )
        if resolution or unanswered:
            timer.add(EntryKind.RESUME, happening.at)


def _asked(timers: Iterable[Timer], offer: Offer, happening: Happening) -> list[Timer]:
    """The oldest unanswered message counts. Before the first response, that one is waited for."""
    terms = offer.terms.get(Metric.NEXT_RESPONSE)
    if not happening.asked or terms is None or terms.target is None:
        return []
    runs = [timer.run for timer in timers if timer.metric is Metric.NEXT_RESPONSE]
    if any(timer.is_open for timer in timers if timer.metric is not Metric.RESOLUTION):
        return []
    start = _start(happening.at, terms)
    return [Timer(metric=Metric.NEXT_RESPONSE, run=len(runs) + 1, entries=[start])]


def _start(at: datetime, terms: Terms) -> Entry:
    return Entry(kind=EntryKind.START, at=at, terms=terms)


def _rest(timers: Iterable[Timer], offer: Offer, status: str, at: datetime) -> None:
    rests = status in offer.pauses_in
    for timer in timers:
        match timer.now.state:
            case TimerState.RUNNING if rests:
                timer.add(EntryKind.PAUSE, at)
            case TimerState.PAUSED if not rests:
                timer.add(EntryKind.RESUME, at)
