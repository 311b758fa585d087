"""What a measurement is: values of several rounds, their spread, and the goal for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on the median of the rounds. Exactly one side is given."""

    at_least: float | None = None
    below: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value is on the right side."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.below is not None and value < self.below

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"< {self.below:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `values` has one entry per round."""

    name: str
    values: tuple[float, ...]
    unit: str
    goal: Goal | None = None

    @property
    def median(self) -> float:
        """The value the goal is held against: a noisy neighbour spoils a round, not the result."""
        return median(self.values)

    @property
    def verdict(self) -> str:
        """yes or no; a figure without a goal is there to explain the others."""
        if self.goal is None:
            return ""
        return "yes" if self.goal.holds(self.median) else "NO"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one bench found, and how."""

    method: str
    figures: Sequence[Figure]
    remarks: Sequence[str] = field(default=())
    is_whole: bool = True
    """False for a smaller run, made to try the bench itself."""

    @property
    def holds(self) -> bool:
        """Whether every goal was met."""
        return all(figure.verdict != "NO" for figure in self.figures)


def figure(name: str, values: Sequence[float], unit: str, goal: Goal | None = None) -> Figure:
    """A figure from the rounds' values."""
    return Figure(name, tuple(values), unit, goal)


def ratios(name: str, ours: Sequence[float], theirs: Sequence[float], goal: Goal | None) -> Figure:
    """Ours over theirs, pair by pair: both of a pair ran next to each other, in one noise."""
    pairs = zip(ours, theirs, strict=True)
    return figure(name, [mine / other for mine, other in pairs], "×", goal)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of values in ascending order; share between 0 and 1."""
    if not ordered:
        raise ValueError("no values were measured")
    rank = max(1, -(-len(ordered) * int(share * 1000) // 1000))
    return ordered[min(rank, len(ordered)) - 1]
