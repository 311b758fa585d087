"""When a request is due, and when to warn before. No input or output.

Calendar days run from the minute a request came in: an earlier moment is never late. Business days
leave out the first day and end with the last one (Lei 9.784/1999, art. 66).
"""

from datetime import datetime, timedelta
from typing import Final

from core_api.business_days import business_days_after, is_business_day, today
from core_api.modules.privacy.kinds import DeadlineUnit
from core_api.modules.privacy.models import PrivacyRequest

_DAY: Final = timedelta(days=1)
_PATIENCE: Final = timedelta(hours=1)
"""How long what is due at once may take before it is told as missed."""


def later(begin: datetime, days: int, unit: DeadlineUnit) -> datetime:
    """So many days after `begin`."""
    if unit is DeadlineUnit.BUSINESS_DAYS:
        return business_days_after(begin, days)
    return begin + days * _DAY


def resumed(request: PrivacyRequest, at: datetime) -> datetime:
    """When a request whose clock stood since `paused_at` is due. What was late stays late."""
    paused_at, due_at = request.paused_at, request.due_at
    if paused_at is None or paused_at >= due_at:
        return due_at
    if request.deadline_unit is DeadlineUnit.BUSINESS_DAYS:
        return business_days_after(at, _business_days_between(paused_at, due_at))
    return due_at + (at - paused_at)


def first_warning(request: PrivacyRequest, now: datetime) -> datetime | None:
    """When to look at a deadline that is new: at once where a warning is due already."""
    return now if reached(request, now) is not None else next_warning(request, now)


def next_warning(request: PrivacyRequest, after: datetime) -> datetime | None:
    """The next moment somebody is warned of, or told that it is over."""
    return min((at for _, at in _levels(request) if at > after), default=None)


def reached(request: PrivacyRequest, at: datetime) -> int | None:
    """The most urgent warning whose moment has come: days before the deadline, 0 for its end."""
    return min((left for left, moment in _levels(request) if moment <= at), default=None)


def _levels(request: PrivacyRequest) -> list[tuple[int, datetime]]:
    """Days before the deadline, and the moment. What lies before the request came in is none."""
    over = request.due_at
    if request.deadline_unit is DeadlineUnit.AT_ONCE:
        over += _PATIENCE
    warnings = ((left, request.due_at - left * _DAY) for left in request.warning_days)
    return [*((left, at) for left, at in warnings if at > request.received_at), (0, over)]


def _business_days_between(begin: datetime, end: datetime) -> int:
    """Those after the day of `begin`, up to and with the day of `end`."""
    day, last, count = today(begin), today(end), 0
    while day < last:
        day += _DAY
        count += is_business_day(day)
    return count
