"""A second opinion on service levels: walks minute by minute, and knows nothing of intervals.

It shares no code with the ledger: calendars are plain dictionaries, a ticket is a few variables.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
LEVELS = (50, 80, 100)


@dataclass
class Week:
    """A calendar as people write it down: minutes of the day, Monday first."""

    zone: str
    days: list[list[tuple[int, int]]]
    special: dict[date, list[tuple[int, int]]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def works_at(self, at: datetime) -> bool:
        """Whether the wall clock shows an hour of work."""
        wall = at.astimezone(ZoneInfo(self.zone))
        if wall.date() in self.special:
            hours = self.special[wall.date()]
        elif wall.date() in self.holidays:
            hours = []
        else:
            hours = self.days[wall.weekday()]
        now = wall.hour * 60 + wall.minute
        return any(begin <= now < end for begin, end in hours)


@dataclass
class Rule:
    """A policy: targets in minutes, whether they count on the wall, and when they rest."""

    name: int
    targets: dict[str, int]
    week: int
    on_the_wall: bool
    rests_in: frozenset[str]


@dataclass
class Count:
    """One timer."""

    metric: str
    state: str = "running"
    minutes: int = 0
    rule: Rule | None = None
    reached: dict[int, datetime] = field(default_factory=dict)


@dataclass
class Simulation:
    """One ticket, from minute to minute."""

    start: datetime
    rule: Rule
    weeks: list[Week]
    status: str = "open"
    counts: list[Count] = field(default_factory=list)

    def __post_init__(self) -> None:
        for metric in ("first_response", "resolution"):
            if metric in self.rule.targets:
                self.counts.append(Count(metric))

    def run(self, happenings: dict[int, list[Any]], minutes: int) -> None:
        """Lives so many minutes; what happens in a minute happens at its beginning."""
        for minute in range(minutes + 1):
            at = self.start + minute * MINUTE
            for what in happenings.get(minute, ()):
                self._happen(what)
            for count in self.counts:
                self._look(count, at)
            if minute < minutes:
                for count in self.counts:
                    if count.state == "running" and self._ticks(at):
                        count.minutes += 1

    def _ticks(self, at: datetime) -> bool:
        return self.rule.on_the_wall or self.weeks[self.rule.week].works_at(at)

    def _look(self, count: Count, at: datetime) -> None:
        target = self.rule.targets.get(count.metric)
        if target is None or count.state != "running":
            return
        for level in LEVELS:
            if count.minutes * 100 >= target * level:
                count.reached.setdefault(level, at)

    def _happen(self, what: Any) -> None:
        if isinstance(what, Rule):
            self.rule = what
            self._missing()
        elif isinstance(what, tuple):  # another version of one calendar
            index, week = what
            self.weeks[index] = week
        elif self.status != "closed":
            getattr(self, what)()
        self._rest()

    def _missing(self) -> None:
        """Not simulated: the rules given here always have both targets."""

    def _rest(self) -> None:
        for count in self.counts:
            if count.state in {"running", "paused"}:
                count.state = "paused" if self.status in self.rule.rests_in else "running"

    def _of(self, *metrics: str) -> list[Count]:
        return [count for count in self.counts if count.metric in metrics]

    def pend(self) -> None:
        """Waits for the client."""
        if self.status in {"open", "on_hold"}:
            self.status = "pending"

    def hold(self) -> None:
        """Waits for a third party."""
        if self.status in {"open", "pending"}:
            self.status = "on_hold"

    def reply(self) -> None:
        """An attendant answers the client."""
        for count in self._of("first_response", "next_response"):
            if count.state in {"running", "paused"} or (
                count.metric == "first_response" and count.state == "cancelled"
            ):
                count.state = "stopped"

    def ask(self) -> None:
        """The client says something."""
        if self.status in {"pending", "resolved"}:
            self.reopen()
        waited_for = self._of("first_response", "next_response")
        if all(count.state in {"stopped", "cancelled"} for count in waited_for):
            self.counts.append(Count("next_response"))

    def reopen(self) -> None:
        """Work on it goes on."""
        if self.status == "resolved":
            for count in self._of("resolution"):
                count.state = "running"
            for count in self._of("first_response"):
                if count.state == "cancelled":
                    count.state = "running"
        self.status = "open"

    def resolve(self) -> None:
        """Done."""
        self._end("resolved", "stopped")

    def merge(self) -> None:
        """Goes on in another ticket."""
        if self.status != "resolved":
            self._end("closed", "cancelled")

    def _end(self, status: str, resolution: str) -> None:
        self.status = status
        for count in self.counts:
            if count.state in {"running", "paused"}:
                count.state = resolution if count.metric == "resolution" else "cancelled"


def midnight(year: int, month: int, day: int) -> datetime:
    """The beginning of a day in UTC."""
    return datetime(year, month, day, tzinfo=UTC)
