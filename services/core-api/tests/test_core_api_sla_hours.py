"""Business time by hand: split hours, holidays, clocks that jump, settings applied late."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core_api.modules.sla.clock import EntryKind, Metric, Revision, Terms, due_at
from core_api.modules.sla.definition import CalendarDefinition, calendar_of, frozen
from core_api.modules.sla.hours import ALWAYS, BusinessCalendar
from core_api.modules.sla.rules import Happening, Offer, Timer, advance

HOUR = timedelta(hours=1)
OFFICE = [{"opens": "08:00", "closes": "12:00"}, {"opens": "13:00", "closes": "17:00"}]
WORKDAYS = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), OFFICE)
START = datetime(2026, 11, 16, 12, tzinfo=UTC)  # a Monday


def calendar(**changes: Any) -> BusinessCalendar:
    given = {"time_zone": "America/Sao_Paulo", "week": WORKDAYS} | changes
    return calendar_of(frozen(CalendarDefinition.model_validate(given), 2026))


def local(text: str) -> datetime:
    """In the time zone of Brasília as it is today."""
    return datetime.fromisoformat(f"{text}-03:00")


@pytest.mark.parametrize(
    ("begin", "hours", "due"),
    [
        ("2026-11-16T09:00", 2, "2026-11-16T11:00"),
        ("2026-11-16T11:00", 2, "2026-11-16T14:00"),  # over lunch
        ("2026-11-16T11:00", 1, "2026-11-16T12:00"),  # to the last minute, not to the next one
        ("2026-11-16T12:30", 1, "2026-11-16T14:00"),  # asked at lunch
        ("2026-11-16T16:00", 2, "2026-11-17T09:00"),  # over night
        ("2026-11-19T16:00", 2, "2026-11-23T09:00"),  # Friday is Zumbi's day, then the weekend
        ("2026-12-24T16:00", 9, "2026-12-28T17:00"),  # Christmas
        ("2026-11-21T10:00", 8, "2026-11-23T17:00"),  # asked on a Saturday
    ],
)
def test_hours_of_work_are_counted_as_people_do(begin: str, hours: int, due: str) -> None:
    found = calendar().after(local(begin), hours * HOUR)

    assert found == local(due)
    assert calendar().worked(local(begin), found) == hours * HOUR


@pytest.mark.parametrize(
    ("night", "worked"),
    [
        (date(2018, 2, 17), 3),  # 23:00 comes twice
        (date(2018, 11, 3), 2),  # and the next midnight not at all: it becomes 01:00
        (date(2019, 2, 16), 3),
        (date(2019, 11, 2), 2),  # abolished: a night like any other
    ],
)
def test_daylight_saving_is_followed_through_history(night: date, worked: int) -> None:
    every = {day: [{"opens": "22:00", "closes": "24:00"}] for day in (*WORKDAYS, "saturday")}
    found = calendar(week=every, holidays={"national": False})
    noon = datetime(night.year, night.month, night.day, 15, tzinfo=UTC)

    assert found.worked(noon, noon + 24 * HOUR) == worked * HOUR


def test_a_skipped_hour_holds_no_work() -> None:
    first = calendar(
        week={"sunday": [{"opens": "00:00", "closes": "02:00"}]}, holidays={"national": False}
    )
    midnight = datetime(2018, 11, 4, 3, tzinfo=UTC)

    assert first.worked(midnight - HOUR, midnight + 24 * HOUR) == HOUR


def test_a_day_of_its_own_goes_before_a_holiday_and_an_empty_one_closes() -> None:
    found = calendar(
        special_days=[
            {"date": "2026-11-20", "name": "Plantão", "hours": OFFICE[:1]},
            {"date": "2026-11-18", "name": "Dedetização"},
            {"date": "2020-11-17", "name": "Aniversário da cidade", "yearly": True},
        ]
    )

    def hours_on(day: int) -> float:
        begin = local(f"2026-11-{day}T00:00")
        return found.worked(begin, begin + 24 * HOUR) / HOUR

    assert [hours_on(day) for day in (16, 17, 18, 19, 20, 21)] == [8, 0, 0, 8, 4, 0]


def test_holidays_are_frozen_for_years_and_known_after() -> None:
    definition = frozen(CalendarDefinition.model_validate({"week": WORKDAYS}), 2026)
    definition["known"]["dates"].pop("2026-12-25")  # as if the list had been another one then
    found = calendar_of(definition)

    assert date(2026, 12, 25) not in found.holidays(2026)
    assert date(2040, 12, 25) in found.holidays(2040)


def test_a_calendar_of_holidays_only_is_never_due() -> None:
    closed = calendar(
        week={"monday": OFFICE},
        special_days=[
            {"date": f"2026-{month:02}-{day:02}", "name": "Recesso", "yearly": True}
            for month in range(1, 13)
            for day in range(1, 32)
            if _exists(month, day)
        ],
    )

    assert closed.after(START, HOUR) is None
    assert closed.worked(START, START + 400 * 24 * HOUR) == timedelta(0)


def _exists(month: int, day: int) -> bool:
    try:
        return date(2024, month, day) is not None and (month, day) != (2, 29)
    except ValueError:
        return False


def test_around_the_clock_every_hour_counts() -> None:
    assert ALWAYS.worked(START, START + 49 * HOUR) == 49 * HOUR
    assert ALWAYS.after(START, 49 * HOUR) == START + 49 * HOUR


def _offer(
    hours: int, pauses_in: set[str], since: datetime | None = None, revision: int = 1
) -> Offer:
    terms = Terms(policy=Revision(UUID(int=1), revision), target=hours * HOUR)
    return Offer(terms={Metric.RESOLUTION: terms}, pauses_in=frozenset(pauses_in), since=since)


def _moment(hours: float, before: str, status: str, **changes: Any) -> Happening:
    return Happening(
        at=START + hours * HOUR, created_at=START, status_before=before, status=status, **changes
    )


def _rows(timer: Timer) -> list[tuple[str, float]]:
    return [(entry.kind.value, (entry.at - START) / HOUR) for entry in timer.entries]


def test_a_policy_applied_late_takes_effect_when_it_came_into_force() -> None:
    (timer,) = advance([], _offer(10, {"on_hold"}), _moment(0, "new", "new"), {})
    advance([timer], _offer(10, {"on_hold"}), _moment(1, "open", "on_hold"), {})
    # In force since hour 2, and no time rests any more; noticed in hour 6, after 50 % at hour 6.
    late = _offer(10, set(), since=START + 2 * HOUR, revision=2)
    advance([timer], late, _moment(8, "on_hold", "on_hold"), {})

    assert _rows(timer) == [
        ("start", 0),
        ("pause", 1),
        ("policy", 2),
        ("resume", 2),
        ("warn", 6),
    ]


def test_what_was_reached_before_a_change_is_told_by_the_terms_of_then() -> None:
    (timer,) = advance([], _offer(2, set()), _moment(0, "new", "new"), {})
    longer = _offer(100, set(), since=START + 5 * HOUR, revision=2)
    advance([timer], longer, _moment(9, "open", "open"), {})

    assert _rows(timer) == [
        ("start", 0),
        ("warn", 1),
        ("warn", 1.6),
        ("breach", 2),
        ("policy", 5),
    ]


def test_who_answers_at_the_last_instant_is_in_time() -> None:
    (timer,) = advance([], _offer(2, set()), _moment(0, "new", "new"), {})
    advance([timer], _offer(2, set()), _moment(2, "open", "resolved", is_over=True), {})

    assert [kind for kind, _ in _rows(timer)] == ["start", "warn", "warn", "stop"]
    assert EntryKind.BREACH not in {entry.kind for entry in timer.entries}


def test_of_an_ended_timer_it_stays_known_when_it_would_have_been_due() -> None:
    (timer,) = advance([], _offer(5, {"pending"}), _moment(0, "new", "new"), {})
    advance([timer], _offer(5, {"pending"}), _moment(2, "open", "resolved", is_over=True), {})
    assert due_at(timer.entries, {}) == START + 5 * HOUR

    reopened = _moment(12, "resolved", "open", reopened=True)
    advance([timer], _offer(5, {"pending"}), reopened, {})
    assert due_at(timer.entries, {}) == START + 15 * HOUR


def test_a_ledger_never_goes_backwards() -> None:
    (timer,) = advance([], _offer(9, {"pending"}), _moment(0, "new", "new"), {})
    advance([timer], _offer(9, {"pending"}), _moment(3, "open", "pending"), {})
    advance([timer], _offer(9, {"pending"}), _moment(2, "pending", "open"), {})

    assert _rows(timer) == [("start", 0), ("pause", 3), ("resume", 3)]
