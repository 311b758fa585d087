"""Deadlines that the law counts in business days, in Brazil. No input or output.

Only national holidays are left out. A day on which an office closes by its own decision counts as
a business day: who goes by an earlier date is never late.
"""

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
_DAY: Final = timedelta(days=1)
_LAST: Final = time(23, 59, 59)


def is_business_day(day: date) -> bool:
    """Monday to Friday, and no national holiday."""
    return day.weekday() < 5 and day not in _national(day.year)


def business_days_after(begin: datetime, days: int) -> datetime:
    """The last second of the `days`-th business day after `begin`, in Brasília.

    The day of `begin` does not count, the last one does (Lei 9.784/1999, art. 66).
    """
    day, left = begin.astimezone(BRASILIA).date(), days
    while left > 0:
        day += _DAY
        left -= is_business_day(day)
    return end_of(day)


def calendar_days_after(begin: datetime, days: int) -> datetime:
    """The same by the calendar; an end on a day off moves to the next business day."""
    day = begin.astimezone(BRASILIA).date() + days * _DAY
    while not is_business_day(day):
        day += _DAY
    return end_of(day)


def end_of(day: date) -> datetime:
    """Its last second in Brasília."""
    return datetime.combine(day, _LAST, BRASILIA)


def today(now: datetime) -> date:
    """The date in Brasília."""
    return now.astimezone(BRASILIA).date()


@cache
def _national(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("BR", years=year))
