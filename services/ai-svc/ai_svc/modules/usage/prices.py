"""What models cost. The list is a file, `prices.toml`; money is whole millionths."""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MILLION: Final = 1_000_000
# What providers add to a model's name: the day it was made, or that it is the latest.
_EDITION: Final = re.compile(r"(-\d{4}-\d{2}-\d{2}|-\d{8}|-\d{3}|-latest)\Z")

Amount = Annotated[Decimal, Field(ge=0, decimal_places=6, max_digits=12)]


@dataclass(frozen=True, slots=True)
class Price:
    """Of one model on one day. Very long input may have a rate of its own."""

    currency: str
    rate: "Rate"
    long_rate: "Rate | None" = None
    long_from: int = 0
    is_known: bool = True

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Micros, rounded up: what costs anything is never counted as free."""
        is_long = input_tokens > self.long_from
        rate = self.long_rate if self.long_rate is not None and is_long else self.rate
        exact = input_tokens * rate.input_micros + output_tokens * rate.output_micros
        return -(-exact // MILLION)


@dataclass(frozen=True, slots=True)
class Rate:
    """Of a million tokens, in millionths of the currency."""

    input_micros: int
    output_micros: int

    @classmethod
    def of(cls, given: Decimal, made: Decimal) -> "Rate":
        """From amounts of the currency."""
        return cls(int(given * MILLION), int(made * MILLION))


class _Listed(BaseModel):
    """A price as the file says it: of a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(min_length=1)
    input: Amount
    output: Amount
    long_from: Annotated[int, Field(gt=0)] | None = None
    long_input: Amount | None = None
    long_output: Amount | None = None
    since: date
    source: str = Field(min_length=1)
    checked_on: date

    @model_validator(mode="after")
    def _long_or_not(self) -> Self:
        long = (self.long_from, self.long_input, self.long_output)
        if None in long and long != (None, None, None):
            raise ValueError("long_from, long_input and long_output belong together")
        return self

    def price(self, currency: str) -> Price:
        """As it is reckoned with."""
        long = None
        if self.long_input is not None and self.long_output is not None:
            long = Rate.of(self.long_input, self.long_output)
        return Price(currency, Rate.of(self.input, self.output), long, self.long_from or 0)


class PriceList(BaseModel):
    """All prices ever, in one currency: sums of several mean nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    currency: str = Field(pattern=r"^[A-Z]{3}$")
    free: Sequence[str] = ()
    price: Sequence[_Listed]

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        said = [(each.model, each.since) for each in self.price]
        if len(said) != len(set(said)):
            raise ValueError("two prices of one model begin on the same day")
        return self

    @classmethod
    def read(cls, text: str) -> Self:
        """From TOML."""
        return cls.model_validate(tomllib.loads(text, parse_float=Decimal))

    def of(self, model: str, day: date) -> Price:
        """What the model costs that day.

        Of a model without a price the dearest that day, input and output each: a budget may end
        early for it, and is never passed.
        """
        in_force = self._in_force(day)
        for name in (model, _EDITION.sub("", model)):
            if name in self.free:
                return Price(self.currency, Rate(0, 0))
            if name in in_force:
                return in_force[name].price(self.currency)
        return self._dearest(in_force.values())

    def _in_force(self, day: date) -> Mapping[str, _Listed]:
        begun = sorted(
            (each for each in self.price if each.since <= day), key=lambda each: each.since
        )
        return {each.model: each for each in begun}

    def _dearest(self, listed: Collection[_Listed]) -> Price:
        given = [each.long_input or each.input for each in listed]
        made = [each.long_output or each.output for each in listed]
        rate = Rate.of(max(given, default=Decimal(0)), max(made, default=Decimal(0)))
        return Price(self.currency, rate, is_known=False)


@cache
def shipped_prices() -> PriceList:
    """Those of `prices.toml`."""
    return PriceList.read((files(__package__) / "prices.toml").read_text(encoding="utf-8"))
