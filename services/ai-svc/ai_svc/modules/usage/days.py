"""The days and months budgets are counted by: those of Brasília."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")


class Period(StrEnum):
    """How long a limit lasts."""

    DAY = "day"
    MONTH = "month"

    def begins(self, day: date) -> date:
        """The first day of the period `day` is in."""
        return day if self is Period.DAY else day.replace(day=1)

    def ends(self, day: date) -> datetime:
        """The moment the next one begins."""
        if self is Period.DAY:
            following = day + timedelta(days=1)
        else:
            following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        return datetime(following.year, following.month, following.day, tzinfo=BRASILIA)


def day_of(moment: datetime) -> date:
    """The day it is in Brasília."""
    return moment.astimezone(BRASILIA).date()
