"""The ledger against a walk from minute to minute: calendars, daylight saving, whatever happens."""

import copy
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sla_simulation import MINUTE, Rule, Simulation, Week, midnight

from core_api.modules.sla.clock import (
    Calendars,
    Measure,
    Metric,
    Revision,
    Terms,
    crossings,
    due_at,
    elapsed,
)
from core_api.modules.sla.hours import BusinessCalendar, Hours
from core_api.modules.sla.rules import Happening, Offer, Timer, advance

MINUTES: Final = 4 * 1440
# Days around which the wall clocks of these zones jump, or do not.
ANCHORS: Final = (
    ("America/Sao_Paulo", midnight(2018, 2, 17)),  # an hour twice, at midnight
    ("America/Sao_Paulo", midnight(2018, 11, 3)),  # midnight does not exist
    ("America/Sao_Paulo", midnight(2026, 11, 19)),  # no daylight saving any more
    ("America/Manaus", midnight(2026, 4, 1)),
    ("America/New_York", midnight(2026, 10, 31)),
    ("Europe/Lisbon", midnight(2026, 3, 28)),
    ("Australia/Lord_Howe", midnight(2026, 4, 4)),  # half an hour
    ("Pacific/Apia", midnight(2011, 12, 29)),  # a day that never was
)
quarters = st.integers(0, 96).map(lambda quarter: quarter * 15)


@st.composite
def hours(draw: st.DrawFn) -> list[tuple[int, int]]:
    """A day's intervals, apart from each other; sometimes the whole day, or none of it."""
    edges = sorted(draw(st.lists(quarters, max_size=6, unique=True)))
    return draw(
        st.sampled_from(
            [
                list(zip(edges[::2], edges[1::2], strict=False)),
                [(0, 1440)],
                [(480, 720), (780, 1080)],
            ]
        )
    )


@st.composite
def weeks(draw: st.DrawFn, zone: str, start: datetime) -> Week:
    """A calendar of that zone, with days of its own around the start."""
    day = st.integers(-1, 6).map(lambda days: start.date() + timedelta(days=days))
    return Week(
        zone=zone,
        days=draw(st.lists(hours(), min_size=7, max_size=7)),
        special=draw(st.dictionaries(day, hours(), max_size=2)),
        holidays=draw(st.frozensets(day, max_size=2)),
    )


@st.composite
def rules(draw: st.DrawFn, name: int) -> Rule:
    """A policy on one of two calendars."""
    target = st.integers(1, 200).map(lambda tens: tens * 10)
    return Rule(
        name=name,
        targets={metric.value: draw(target) for metric in Metric},
        week=draw(st.integers(0, 1)),
        on_the_wall=draw(st.integers(0, 5)) == 0,
        rests_in=draw(
            st.sampled_from(
                [frozenset(), frozenset({"pending"}), frozenset({"pending", "on_hold"})]
            )
        ),
    )


@st.composite
def stories(draw: st.DrawFn) -> tuple[Simulation, dict[int, list[Any]], list[int]]:
    """A ticket, what happens to it minute by minute, and when a sweep comes by."""
    zone, anchor = draw(st.sampled_from(ANCHORS))
    start = anchor + draw(st.integers(0, 1440)) * MINUTE
    both = [draw(weeks(zone, start)) for _ in range(2)]
    moves = st.sampled_from(["pend", "hold", "reply", "ask", "reopen", "resolve", "ask", "reply"])
    other_week = st.tuples(st.integers(0, 1), weeks(zone, start))
    what = st.one_of(
        moves, moves, moves, st.just("merge"), st.integers(1, 3).flatmap(rules), other_week
    )
    happenings: dict[int, list[Any]] = {}
    for minute, happening in sorted(
        draw(st.lists(st.tuples(st.integers(0, MINUTES), what), max_size=12)),
        key=lambda pair: pair[0],
    ):
        happenings.setdefault(minute, []).append(happening)
    sweeps = draw(st.lists(st.integers(0, MINUTES), max_size=6))
    return Simulation(start, draw(rules(0)), both), happenings, sweeps


class Ledger:
    """Drives the real rules through the same story. Settings are applied late, as a job does."""

    def __init__(self, simulation: Simulation) -> None:
        self.start = simulation.start
        self.rule = simulation.rule
        self.status = "open"
        self.replied = False
        self.calendars: dict[Revision, BusinessCalendar] = {}
        self.revisions = [
            self._revision(index, week) for index, week in enumerate(simulation.weeks)
        ]
        self.changes = 0
        self.since: datetime | None = None
        self.timers: list[Timer] = []
        self._advance(self.start)

    def run(self, happenings: dict[int, list[Any]], sweeps: list[int], minutes: int) -> None:
        moments: dict[int, list[Any]] = {minute: ["sweep"] for minute in sweeps}
        for minute, several in happenings.items():
            moments[minute] = [*several, *moments.get(minute, [])]
        for minute in sorted(moments):
            for what in moments[minute]:
                self._happen(what, self.start + minute * MINUTE)
        self._advance(self.start + minutes * MINUTE)
        self._advance(self.start + minutes * MINUTE + MINUTE / 60)  # what the last minute reached

    def _happen(self, what: Any, at: datetime) -> None:
        if isinstance(what, str):
            self._move(what, at)
            return
        self._advance(at)  # what is superseded before it is applied never took effect
        self.changes += 1
        if isinstance(what, Rule):
            self.rule = Rule(self.changes, what.targets, what.week, what.on_the_wall, what.rests_in)
        else:
            self.revisions[what[0]] = self._revision(*what)
        self.since = at

    def _move(self, what: str, at: datetime) -> None:
        before = self.status
        if before == "closed" or what == "sweep" or (what == "merge" and before == "resolved"):
            self._advance(at)
            return
        match what:
            case "pend" if before in {"open", "on_hold"}:
                self.status = "pending"
            case "hold" if before in {"open", "pending"}:
                self.status = "on_hold"
            case "reopen":
                self.status = "open"
            case "ask" if before in {"pending", "resolved"}:
                self.status = "open"
            case "resolve":
                self.status = "resolved"
            case "merge":
                self.status = "closed"
        self._advance(at, what, before)
        self.replied |= what == "reply"

    def _advance(self, at: datetime, what: str = "", before: str | None = None) -> None:
        before = before or self.status
        happening = Happening(
            at=at,
            created_at=self.start,
            status_before=before,
            status=self.status,
            is_over=self.status in {"resolved", "closed"},
            reopened=before == "resolved" and self.status == "open",
            merged=what == "merge",
            replied=what == "reply",
            asked=what == "ask",
            answered_before=self.replied,
        )
        self.timers = advance(self.timers, self._offer(), happening, self.calendars)
        if before not in {"resolved", "closed"} or self.status == "open":
            self.since = None

    def _offer(self) -> Offer:
        terms = {
            Metric(metric): Terms(
                policy=Revision(UUID(int=self.rule.name), 1),
                calendar=self.revisions[self.rule.week],
                measure=Measure.CALENDAR if self.rule.on_the_wall else Measure.BUSINESS,
                target=minutes * MINUTE,
            )
            for metric, minutes in self.rule.targets.items()
        }
        return Offer(terms=terms, pauses_in=self.rule.rests_in, since=self.since)

    def _revision(self, index: int, week: Week) -> Revision:
        revision = Revision(UUID(int=index), len(self.calendars))
        self.calendars[revision] = calendar_of(week)
        return revision


def calendar_of(week: Week) -> BusinessCalendar:
    """The same calendar as the service knows it."""

    def intervals(pairs: list[tuple[int, int]]) -> list[Hours]:
        return [Hours(*pair) for pair in pairs]

    return BusinessCalendar(
        zone=ZoneInfo(week.zone),
        week=[intervals(day) for day in week.days],
        special={day: intervals(pairs) for day, pairs in week.special.items()},
        holidays=lambda _year: week.holidays,
    )


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories())
def test_the_ledger_agrees_with_a_walk_from_minute_to_minute(
    story: tuple[Simulation, dict[int, list[Any]], list[int]],
) -> None:
    simulation, happenings, sweeps = story
    ledger = Ledger(copy.deepcopy(simulation))
    ledger.run(happenings, sweeps, MINUTES)
    simulation.run(happenings, MINUTES)

    end = simulation.start + MINUTES * MINUTE
    assert [timer.metric.value for timer in ledger.timers] == [
        count.metric for count in simulation.counts
    ]
    for timer, count in zip(ledger.timers, simulation.counts, strict=True):
        told = {entry.level: entry.at for entry in timer.entries if entry.level is not None}
        assert elapsed(timer.entries, ledger.calendars, end) == count.minutes * MINUTE
        assert timer.now.state.value == count.state
        assert told == count.reached
        assert crossings(timer.entries, ledger.calendars).items() >= told.items()
        _agrees_on_the_due_time(timer, count.minutes, simulation, ledger.calendars)


def _agrees_on_the_due_time(
    timer: Timer, minutes: int, simulation: Simulation, calendars: Calendars
) -> None:
    """A running timer is due when a walk of a few days more says so."""
    target = simulation.rule.targets[timer.metric.value]
    if timer.now.state.value != "running" or minutes >= target:
        return
    at = simulation.start + MINUTES * MINUTE
    said = due_at(timer.entries, calendars)
    limit = at + timedelta(days=8)
    while minutes < target and at < limit:
        minutes += simulation._ticks(at)
        at += MINUTE
    assert said == at if minutes >= target else said is None or said >= limit
