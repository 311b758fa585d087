"""The time a report is about: whole days in the time zone of the organization."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from chassis.web.errors import InvalidInput

LONGEST: Final = timedelta(days=731)

Span = tuple[datetime, datetime]
"""From the first moment to the first that is no longer in it."""


class Interval(StrEnum):
    """What a report over time has one row for. Weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def begin_of(self, day: date) -> date:
        """The first day of the interval that `day` is in."""
        match self:
            case Interval.DAY:
                return day
            case Interval.WEEK:
                return day - timedelta(days=day.weekday())
            case Interval.MONTH:
                return day.replace(day=1)


_STEP: Final = {
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(days=7),
    Interval.MONTH: timedelta(days=31),
}


@dataclass(frozen=True, slots=True)
class Period:
    """From the first to the last day, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def begins_at(self) -> datetime:
        """Midnight, where the organization is."""
        return datetime.combine(self.first, time.min, self.zone)

    @property
    def ends_at(self) -> datetime:
        """The midnight after the last day."""
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone)

    def intervals(self, interval: Interval) -> Iterator[date]:
        """The first day of each interval that has a day in the period."""
        begin = interval.begin_of(self.first)
        while begin <= self.last:
            yield begin
            begin = interval.begin_of(begin + _STEP[interval])

    def spans(self, interval: Interval) -> list[Span]:
        """The intervals as moments; the first and the last end where the period does."""
        begins = [
            max(datetime.combine(day, time.min, self.zone), self.begins_at)
            for day in self.intervals(interval)
        ]
        return list(zip(begins, [*begins[1:], self.ends_at], strict=True))


def checked_period(first: date, last: date, zone: ZoneInfo) -> Period:
    """The period, or InvalidInput naming the parameter that is wrong."""
    if last < first:
        raise InvalidInput.on("query.until", "O período termina antes de começar.")
    if last - first > LONGEST:
        raise InvalidInput.on("query.until", "O período pode ter no máximo dois anos.")
    return Period(first, last, zone)


def zone_named(name: str) -> ZoneInfo:
    """The time zone, or InvalidInput."""
    if name not in _zones():
        raise InvalidInput.on(
            "query.time_zone", "Fuso horário desconhecido. Use um nome como America/Sao_Paulo."
        )
    return ZoneInfo(name)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
