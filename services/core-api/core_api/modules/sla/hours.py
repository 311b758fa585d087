"""Business time: the pieces of UTC time in which an organization works. No input or output."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_DAY: Final = timedelta(days=1)
_FAR: Final = timedelta(days=3_660)
"""How far ahead due times are looked for: a calendar of holidays only has none."""
_AROUND: Final = timedelta(hours=26)  # Samoa once skipped a whole day
_STEP: Final = timedelta(hours=4)
_NOTHING: Final = timedelta(0)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, order=True)
class Hours:
    """One interval of a day, in minutes since midnight on the wall clock; `end` may be 1440."""

    begin: int
    end: int


ALL_DAY: Final = (Hours(0, 1440),)


@dataclass(frozen=True, kw_only=True)
class BusinessCalendar:
    """When an organization works.

    An instant is business time when its wall-clock time lies within the hours of its local date.
    So an hour that daylight saving time repeats counts twice, and one that it skips not at all.
    """

    zone: ZoneInfo
    week: Sequence[Sequence[Hours]]  # Monday first
    special: Mapping[date, Sequence[Hours]] = field(default_factory=dict)
    """Dates with hours of their own, or none; they go before holidays."""
    yearly: Mapping[tuple[int, int], Sequence[Hours]] = field(default_factory=dict)
    """The same by month and day."""
    holidays: Callable[[int], frozenset[date]] = lambda _year: frozenset()
    """The holidays of a year, on which nobody works."""
    _spans: dict[date, tuple[Span, ...]] = field(default_factory=dict, repr=False, compare=False)

    def hours(self, day: date) -> Sequence[Hours]:
        """The hours of a local date."""
        if (own := self.special.get(day)) is not None:
            return own
        if (own := self.yearly.get((day.month, day.day))) is not None:
            return own
        return () if day in self.holidays(day.year) else self.week[day.weekday()]

    def is_open(self, at: datetime) -> bool:
        """Whether `at` is business time."""
        return any(begin <= at < end for begin, end in self.spans(at.astimezone(self.zone).date()))

    def spans(self, day: date) -> tuple[Span, ...]:
        """The business time of a local date as intervals of UTC, in order."""
        found = self._spans.get(day)
        if found is None:
            found = self._spans[day] = tuple(self._in_utc(day))
        return found

    def worked(self, begin: datetime, end: datetime) -> timedelta:
        """The business time within [begin, end)."""
        total = _NOTHING
        for opened, closed in self._from(begin, end):
            total += min(closed, end) - max(opened, begin)
        return total

    def after(self, begin: datetime, amount: timedelta) -> datetime | None:
        """The first instant at which `amount` of business time has passed since `begin`.

        None when that does not come within ten years.
        """
        if amount <= _NOTHING:
            return begin
        left = amount
        for opened, closed in self._from(begin, begin + _FAR):
            usable = closed - max(opened, begin)
            if usable >= left:
                return closed - usable + left
            left -= usable
        return None

    def _from(self, begin: datetime, end: datetime) -> Iterator[Span]:
        """The spans that overlap [begin, end), in order."""
        day, last = (at.astimezone(self.zone).date() for at in (begin, end))
        while day <= last:
            for span in self.spans(day):
                if span[1] > begin and span[0] < end:
                    yield span
            day += _DAY

    def _in_utc(self, day: date) -> Iterator[Span]:
        hours = self.hours(day)
        if not hours:
            return
        midnight = datetime.combine(day, time(), UTC)
        for begin, end, offset in self._offsets(midnight - _AROUND, midnight + _DAY + _AROUND):
            for part in hours:
                opened = midnight + timedelta(minutes=part.begin) - offset
                closed = midnight + timedelta(minutes=part.end) - offset
                if max(opened, begin) < min(closed, end):
                    yield max(opened, begin), min(closed, end)

    def _offsets(
        self, begin: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime, timedelta]]:
        """[begin, end) in pieces of one distance from UTC each."""
        piece, offset, at = begin, self._offset(begin), begin
        while at < end:
            following = min(at + _STEP, end)
            if (changed := self._offset(following)) != offset:
                switch = self._switch(at, following)
                yield piece, switch, offset
                piece, offset = switch, changed
            at = following
        yield piece, end, offset

    def _switch(self, before: datetime, after: datetime) -> datetime:
        """The second at which the distance from UTC changes, between the two."""
        old = self._offset(before)
        low, high = 0, int((after - before).total_seconds())
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(before + timedelta(seconds=middle)) == old:
                low = middle
            else:
                high = middle
        return before + timedelta(seconds=high)

    def _offset(self, at: datetime) -> timedelta:
        return at.astimezone(self.zone).utcoffset() or _NOTHING


ALWAYS: Final = BusinessCalendar(zone=ZoneInfo("UTC"), week=[ALL_DAY] * 7)
"""Every hour of every day: time on the wall."""
