"""Deadlines in business days and calendar days, in Brasília."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from core_api.business_days import (
    BRASILIA,
    business_days_after,
    calendar_days_after,
    end_of,
    is_business_day,
)
from core_api.modules.deadlines.service import DeadlineKind
from core_api.modules.incidents.clock import due_times, is_doubled, kept_until


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BRASILIA)


@pytest.mark.parametrize(
    ("begin", "days", "last"),
    [
        ("2026-11-16T10:00", 3, "2026-11-19"),  # Monday to Thursday
        ("2026-11-19T23:59", 3, "2026-11-25"),  # the 20th is Consciência Negra, then a weekend
        ("2026-11-21T08:00", 1, "2026-11-23"),  # from a Saturday
        ("2026-12-23T09:00", 3, "2026-12-29"),  # over Christmas
        ("2026-12-30T09:00", 2, "2027-01-04"),  # over the new year: another year's holidays
        ("2026-11-16T10:00", 0, "2026-11-16"),
    ],
)
def test_business_days_leave_out_the_first_day_weekends_and_national_holidays(
    begin: str, days: int, last: str
) -> None:
    due = business_days_after(at(begin), days)

    assert due == end_of(date.fromisoformat(last))
    assert due.astimezone(BRASILIA).strftime("%H:%M:%S") == "23:59:59"


def test_the_day_is_that_of_brasilia_not_of_the_server() -> None:
    # 01:00 UTC on Tuesday is still Monday in Brasília.
    late_monday = datetime(2026, 11, 17, 1, 0, tzinfo=UTC)

    assert business_days_after(late_monday, 1) == end_of(date(2026, 11, 17))


def test_every_business_day_follows_one_by_one() -> None:
    begin = at("2026-01-02T12:00")
    ends = [business_days_after(begin, days).date() for days in range(1, 250)]

    assert all(is_business_day(day) for day in ends)
    assert all(former < later for former, later in pairwise(ends))


def test_calendar_deadline_on_a_day_off_moves_to_the_next_business_day() -> None:
    assert calendar_days_after(at("2026-11-05T10:00"), 15) == end_of(date(2026, 11, 23))


def test_incident_is_notified_in_three_business_days_and_completed_in_twenty_more() -> None:
    known = at("2026-11-16T10:00")

    due = due_times(known, None, doubled=False)

    assert due[DeadlineKind.ANPD_NOTICE] == end_of(date(2026, 11, 19))
    assert due[DeadlineKind.SUBJECTS_NOTICE] == end_of(date(2026, 11, 19))
    assert due[DeadlineKind.ANPD_COMPLETION] == business_days_after(at("2026-11-19T12:00"), 20)
    assert due[DeadlineKind.SUBJECTS_DECLARATION] == end_of(date(2026, 11, 25))


def test_completion_is_counted_from_the_notice_that_was_given() -> None:
    known, told = at("2026-11-16T10:00"), at("2026-11-17T10:00")

    due = due_times(known, told, doubled=False)

    assert due[DeadlineKind.ANPD_COMPLETION] == business_days_after(told, 20)
    assert due[DeadlineKind.ANPD_NOTICE] == end_of(date(2026, 11, 19))


def test_small_agents_have_twice_the_time_unless_integrity_is_at_stake() -> None:
    known = at("2026-11-16T10:00")

    doubled = due_times(known, None, doubled=True)

    assert doubled[DeadlineKind.ANPD_NOTICE] == business_days_after(known, 6)
    assert is_doubled(is_small_agent=True, threatens_integrity=False)
    assert not is_doubled(is_small_agent=True, threatens_integrity=True)
    assert not is_doubled(is_small_agent=False, threatens_integrity=False)


@pytest.mark.parametrize(
    ("registered", "until"), [("2026-11-21", "2031-11-21"), ("2028-02-29", "2033-03-01")]
)
def test_incident_is_kept_for_five_years(registered: str, until: str) -> None:
    begin = datetime.fromisoformat(registered).replace(hour=9, tzinfo=UTC)

    assert kept_until(begin) == datetime.fromisoformat(until).replace(hour=9, tzinfo=UTC)
    assert kept_until(begin) - begin >= timedelta(days=5 * 365)
