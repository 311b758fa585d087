"""When requests of data subjects are due: calendar and business days, pauses, warnings."""

from datetime import UTC, datetime, timedelta

import pytest

from core_api.business_days import BRASILIA
from core_api.modules.privacy.deadlines import (
    first_warning,
    later,
    next_warning,
    reached,
    resumed,
)
from core_api.modules.privacy.kinds import DeadlineUnit
from core_api.modules.privacy.models import PrivacyRequest

CALENDAR, BUSINESS = DeadlineUnit.CALENDAR_DAYS, DeadlineUnit.BUSINESS_DAYS
AT_ONCE = DeadlineUnit.AT_ONCE
DAY = timedelta(days=1)
RECEIVED = datetime(2026, 11, 18, 13, 30, tzinfo=UTC)
"""A Wednesday, 10:30 in Brasília; the Friday after it is a national holiday."""


def end_of(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=BRASILIA)


def made(unit: DeadlineUnit, days: int, warnings: tuple[int, ...] = ()) -> PrivacyRequest:
    due_at = later(RECEIVED, days, unit)
    return PrivacyRequest(
        received_at=RECEIVED, due_at=due_at, deadline_unit=unit, warning_days=list(warnings)
    )


def test_fifteen_calendar_days_are_fifteen_days_to_the_minute() -> None:
    assert later(RECEIVED, 15, CALENDAR) == datetime(2026, 12, 3, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "due"),
    [
        (1, end_of(2026, 11, 19)),
        (2, end_of(2026, 11, 23)),  # Consciência Negra on the 20th, then a weekend
        (27, end_of(2026, 12, 29)),  # and Christmas
    ],
)
def test_business_days_leave_out_weekends_and_national_holidays(days: int, due: datetime) -> None:
    assert later(RECEIVED, days, BUSINESS) == due


def test_what_comes_in_on_a_day_off_is_counted_from_the_next_working_day() -> None:
    saturday = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert later(saturday, 1, BUSINESS) == end_of(2026, 11, 23)


def test_late_in_the_evening_of_brasilia_is_still_that_day() -> None:
    evening = datetime(2026, 11, 19, 2, 30, tzinfo=UTC)  # the 18th, 23:30

    assert later(evening, 1, BUSINESS) == end_of(2026, 11, 19)


def test_a_pause_moves_calendar_days_by_as_long_as_it_took() -> None:
    request = made(CALENDAR, 15)
    request.paused_at = RECEIVED + 3 * DAY

    assert resumed(request, RECEIVED + 10 * DAY) == request.due_at + 7 * DAY


def test_a_pause_leaves_as_many_business_days_as_there_were() -> None:
    request = made(BUSINESS, 5)  # 19, 23, 24, 25, 26 November
    assert request.due_at == end_of(2026, 11, 26)
    request.paused_at = datetime(2026, 11, 23, 15, tzinfo=UTC)  # three to go

    assert resumed(request, datetime(2026, 12, 23, 15, tzinfo=UTC)) == end_of(2026, 12, 29)
    assert resumed(request, request.paused_at + timedelta(hours=1)) == request.due_at


@pytest.mark.parametrize("unit", [CALENDAR, BUSINESS])
def test_what_was_late_when_it_was_paused_stays_late(unit: DeadlineUnit) -> None:
    request = made(unit, 2)
    request.paused_at = request.due_at + DAY

    assert resumed(request, request.due_at + 9 * DAY) == request.due_at


def test_warnings_come_in_their_order_and_the_end_last() -> None:
    request = made(CALENDAR, 15, (5, 2))
    due = request.due_at

    moments = []
    at: datetime | None = RECEIVED
    while at is not None:
        at = next_warning(request, at)
        moments.append(at)

    assert moments == [due - 5 * DAY, due - 2 * DAY, due, None]
    assert [reached(request, at) for at in (RECEIVED, due - 4 * DAY, due - DAY, due)] == [
        None,
        5,
        2,
        0,
    ]


def test_a_warning_before_it_came_in_is_none() -> None:
    request = made(CALENDAR, 3, (5, 2))

    assert first_warning(request, RECEIVED) == request.due_at - 2 * DAY
    assert reached(request, RECEIVED) is None


def test_a_letter_that_lay_around_is_warned_of_at_once() -> None:
    request = made(CALENDAR, 15, (5, 2))
    now = request.due_at - 3 * DAY

    assert first_warning(request, now) == now
    assert reached(request, now) == 5


def test_what_is_due_at_once_is_told_as_missed_after_an_hour() -> None:
    request = made(AT_ONCE, 0, (5, 2))

    assert request.due_at == RECEIVED
    assert first_warning(request, RECEIVED) == RECEIVED + timedelta(hours=1)
    assert reached(request, RECEIVED + timedelta(minutes=59)) is None
    assert reached(request, RECEIVED + timedelta(hours=1)) == 0
