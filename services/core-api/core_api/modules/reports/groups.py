"""What the rows of a report stand for, and what people call them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from core_api.modules.reports.periods import Interval, Period, Span


class Group(StrEnum):
    """One row for each."""

    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TEAM = "team"
    AGENT = "agent"
    CATEGORY = "category"
    PRIORITY = "priority"


class Now(StrEnum):
    """One row for each, of what there is now."""

    TOTAL = "total"
    TEAM = "team"
    AGENT = "agent"
    CATEGORY = "category"
    PRIORITY = "priority"


KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Group.TOTAL: "'total'::text",
        Group.TEAM: "team_id",
        Group.AGENT: "assignee_id",
        Group.CATEGORY: "category_id",
        # Half the price of sorting in the order of a language.
        Group.PRIORITY: 'priority COLLATE "C"',
    }
)
"""The key of a row, in columns that tickets and their timers share."""

NAMED_IN: Final[Mapping[str, str]] = MappingProxyType(
    {
        Group.TEAM: "crm.teams",
        Group.AGENT: "crm.members",
        Group.CATEGORY: "crm.ticket_categories",
    }
)
"""Tables with the names of what the keys are ids of."""

NOBODYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        Group.TEAM: "Sem equipe",
        Group.AGENT: "Sem responsável",
        Group.CATEGORY: "Sem categoria",
    }
)
FIXED: Final[Mapping[str | None, str]] = MappingProxyType(
    {"total": "Total", "low": "Baixa", "normal": "Normal", "high": "Alta", "urgent": "Urgente"}
)


@dataclass(frozen=True)
class Slices:
    """A period, and what its rows are."""

    period: Period
    group: Group

    @property
    def parameters(self) -> dict[str, Any]:
        """What the statement is sent with."""
        spans = self._spans
        return {
            "begin": self.period.begins_at,
            "end": self.period.ends_at,
            "begins": [begin for begin, _ in spans],
            "ends": [end for _, end in spans],
        }

    @property
    def are_of_time(self) -> bool:
        """Whether there is a row for each interval."""
        return self.group in _INTERVALS

    def key(self, moment: str) -> str:
        """SQL for the key of a row; of time, the number of the interval `moment` falls into."""
        if self.group in KEYS:
            return KEYS[self.group]
        # Half the price of computing the local date of every row.
        return f"width_bucket({moment}, CAST(:begins AS timestamptz[]))"

    def day_of(self, key: str | None) -> str | None:
        """What the key says to people: of an interval, its first day."""
        return self._days[int(key) - 1] if self._days and key is not None else key

    @cached_property
    def _days(self) -> Sequence[str]:
        """The first day of each interval."""
        interval = _INTERVALS.get(self.group)
        if interval is None:
            return ()
        return [day.isoformat() for day in self.period.intervals(interval)]

    @property
    def _spans(self) -> list[Span]:
        interval = _INTERVALS.get(self.group)
        return [] if interval is None else self.period.spans(interval)


_INTERVALS: Final[Mapping[Group, Interval]] = MappingProxyType(
    {
        Group.DAY: Interval.DAY,
        Group.WEEK: Interval.WEEK,
        Group.MONTH: Interval.MONTH,
    }
)
