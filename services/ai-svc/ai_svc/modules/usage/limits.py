"""The rule: what may be used at most, and whether so much is passed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, Protocol

from ai_svc.modules.usage.days import Period
from ai_svc.modules.usage.exceptions import BudgetExceeded
from ai_svc.modules.usage.models import Counted
from ai_svc.modules.usage.prices import MILLION

Kind = Literal["tokens", "micros"]

_OF_WHOM: Final = {Counted.ORGANIZATION: "da organização", Counted.USER: "do seu usuário"}
_PER: Final = {Period.DAY: "por dia", Period.MONTH: "por mês"}
_SIGNS: Final = {"USD": "US$", "BRL": "R$", "EUR": "€"}


class Limits(Protocol):
    """A budget."""

    tokens_per_day: int | None
    tokens_per_month: int | None
    micros_per_day: int | None
    micros_per_month: int | None


@dataclass(frozen=True, slots=True)
class Sum:
    """What counts against a budget in one period."""

    counted: Counted
    period: Period
    tokens: int
    micros: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A limit that is passed."""

    counted: Counted
    period: Period
    kind: Kind
    limit: int

    def frees_at(self, day: date) -> datetime:
        """When it begins anew."""
        return self.period.ends(day)

    def refusal(self, day: date, currency: str) -> BudgetExceeded:
        """As the user reads it."""
        amount = tokens(self.limit) if self.kind == "tokens" else money(self.limit, currency)
        said = f"{amount} {_PER[self.period]} {_OF_WHOM[self.counted]}"
        return BudgetExceeded(limit=said, free_at=self.frees_at(day))


def passed(budgets: dict[Counted, Limits], sums: Sequence[Sum], day: date) -> Passed | None:
    """Of the limits that are passed the one that begins anew last; None when none is."""
    found = [each for sum_ in sums for each in _passed(budgets.get(sum_.counted), sum_)]
    return max(found, key=lambda each: each.frees_at(day), default=None)


def tokens(amount: int) -> str:
    """As people write it in Brazil."""
    return f"{_grouped(amount)} tokens"


def money(micros: int, currency: str) -> str:
    """As people write it in Brazil; to the cent where that is exact."""
    whole, rest = divmod(micros, MILLION)
    cents = f"{rest:06d}"
    shown = cents[:2] + cents[2:].rstrip("0")
    return f"{_SIGNS.get(currency, currency)} {_grouped(whole)},{shown}"


def _grouped(amount: int) -> str:
    return f"{amount:,}".replace(",", ".")


def _passed(budget: Limits | None, sum_: Sum) -> Iterator[Passed]:
    if budget is None:
        return
    is_day = sum_.period is Period.DAY
    most_tokens = budget.tokens_per_day if is_day else budget.tokens_per_month
    most_micros = budget.micros_per_day if is_day else budget.micros_per_month
    if most_tokens is not None and sum_.tokens > most_tokens:
        yield Passed(sum_.counted, sum_.period, "tokens", most_tokens)
    if most_micros is not None and sum_.micros > most_micros:
        yield Passed(sum_.counted, sum_.period, "micros", most_micros)
