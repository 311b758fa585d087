"""Days of Brasília, prices with dates, limits, and what a user reads when one is passed."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from ai_svc_usage import PRICES
from pydantic import ValidationError

from ai_svc.modules.usage.days import BRASILIA, Period, day_of
from ai_svc.modules.usage.limits import Sum, money, passed, tokens
from ai_svc.modules.usage.models import Budget, Counted, Scope
from ai_svc.modules.usage.prices import PriceList, Rate, shipped_prices
from ai_svc.provider_settings import ProviderSettings

LISTED = {"source": "a page", "checked_on": date(2026, 11, 21)}
DAY = date(2026, 11, 30)


def priced(*price: dict[str, object]) -> PriceList:
    return PriceList.model_validate(
        {"currency": "USD", "price": [{**LISTED, **each} for each in price]}
    )


def budget(**limits: int) -> Budget:
    none = dict.fromkeys(
        ("tokens_per_day", "tokens_per_month", "micros_per_day", "micros_per_month")
    )
    return Budget(scope=Scope.ORGANIZATION, **{**none, **limits})


def sums(*, day: tuple[int, int], month: tuple[int, int]) -> list[Sum]:
    return [
        Sum(Counted.ORGANIZATION, Period.MONTH, *month),
        Sum(Counted.ORGANIZATION, Period.DAY, *day),
    ]


def test_a_day_is_one_of_brasilia() -> None:
    assert day_of(datetime(2026, 11, 22, 2, 59, tzinfo=UTC)) == date(2026, 11, 21)
    assert day_of(datetime(2026, 11, 22, 3, 0, tzinfo=UTC)) == date(2026, 11, 22)
    assert Period.DAY.ends(DAY) == datetime(2026, 12, 1, 3, tzinfo=UTC)
    assert Period.MONTH.ends(date(2026, 12, 31)) == datetime(2027, 1, 1, tzinfo=BRASILIA)
    assert Period.MONTH.ends(date(2027, 1, 31)) == datetime(2027, 2, 1, tzinfo=BRASILIA)
    assert Period.MONTH.begins(DAY) == date(2026, 11, 1)


def test_a_price_holds_from_its_day_on() -> None:
    prices = priced(
        {"model": "m", "input": "0.25", "output": "2", "since": date(2026, 2, 1)},
        {"model": "m", "input": "0.5", "output": "4", "since": date(2026, 12, 1)},
        {"model": "other", "input": "3", "output": "1", "since": date(2026, 1, 1)},
    )

    assert prices.of("m", DAY).rate == Rate(250_000, 2_000_000)
    assert prices.of("m", date(2026, 12, 1)).rate == Rate(500_000, 4_000_000)
    assert prices.of("m-2026-01-31", DAY) == prices.of("m", DAY)
    assert prices.of("m-latest", DAY) == prices.of("m", DAY)
    assert not prices.of("m", date(2026, 1, 31)).is_known


def test_a_model_without_a_price_costs_as_much_as_the_dearest() -> None:
    prices = priced(
        {"model": "a", "input": "3", "output": "5", "since": date(2026, 1, 1)},
        {"model": "b", "input": "1", "output": "9", "since": date(2026, 1, 1)},
        {"model": "later", "input": "90", "output": "90", "since": date(2027, 1, 1)},
    )

    price = prices.of("never-heard-of", DAY)

    assert (price.rate, price.is_known) == (Rate(3_000_000, 9_000_000), False)


def test_cost_is_rounded_up_and_long_input_has_its_rate() -> None:
    prices = priced(
        {
            "model": "m",
            "input": "0.1",
            "output": "0.5",
            "long_from": 100,
            "long_input": "0.5",
            "long_output": "2.5",
            "since": date(2026, 1, 1),
        }
    )
    price = prices.of("m", DAY)

    assert price.cost(0, 0) == 0
    assert price.cost(1, 0) == 1
    assert price.cost(100, 10) == 15
    assert price.cost(101, 10) == 76  # 50.5 + 25


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "m", "input": "-1", "output": "1", "since": DAY},
        {"model": "m", "input": "0.0000001", "output": "1", "since": DAY},
        {"model": "m", "input": "1", "output": "1", "since": DAY, "long_from": 5},
        {"model": "m", "input": "1", "since": DAY},
        {"model": "m", "input": "1", "output": "1", "since": DAY, "per": "day"},
    ],
)
def test_a_price_that_is_no_price_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        priced(wrong)


def test_two_prices_of_one_day_are_refused() -> None:
    one = {"model": "m", "input": "1", "output": "1", "since": DAY}
    with pytest.raises(ValidationError, match="same day"):
        priced(one, one)


def test_the_list_we_ship_knows_the_default_model_and_ours() -> None:
    prices = shipped_prices()

    assert prices.of(ProviderSettings().openai_model, DAY).is_known
    assert prices.of("extractive", DAY).cost(10_000, 10_000) == 0
    assert all(each.input >= Decimal(0) and each.checked_on for each in prices.price)
    assert prices.currency == "USD"


def test_nothing_is_passed_up_to_the_limit() -> None:
    limits = budget(tokens_per_day=100, micros_per_month=500)

    at_the_limit = passed({Counted.ORGANIZATION: limits}, sums(day=(100, 9), month=(1, 500)), DAY)

    assert at_the_limit is None
    assert passed({}, sums(day=(10**12, 10**12), month=(10**12, 10**12)), DAY) is None
    assert passed({Counted.USER: limits}, sums(day=(101, 9), month=(1, 501)), DAY) is None


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (
            {"tokens_per_day": 1_200_000},
            (
                "O limite de 1.200.000 tokens por dia da organização já não comporta este pedido. "
                "Ele é renovado em 01/12/2026 às 00:00 (horário de Brasília)."
            ),
        ),
        (
            {"micros_per_month": 12_500_000},
            (
                "O limite de US$ 12,50 por mês da organização já não comporta este pedido. "
                "Ele é renovado em 01/12/2026 às 00:00 (horário de Brasília)."
            ),
        ),
    ],
)
def test_a_refusal_is_one_line_that_says_when(limits: dict[str, int], line: str) -> None:
    found = passed(
        {Counted.ORGANIZATION: budget(**limits)},
        sums(day=(1_200_001, 1), month=(1_200_001, 12_500_001)),
        DAY,
    )

    assert found is not None
    refusal = found.refusal(DAY, "USD")
    assert str(refusal) == line
    assert refusal.free_at == datetime(2026, 12, 1, 3, tzinfo=UTC)


def test_of_several_limits_the_one_that_holds_longest_is_named() -> None:
    limits = budget(tokens_per_day=1, tokens_per_month=1, micros_per_day=1)

    found = passed(
        {Counted.ORGANIZATION: limits}, sums(day=(2, 2), month=(2, 2)), date(2026, 11, 5)
    )

    assert found is not None
    assert found.frees_at(date(2026, 11, 5)) == datetime(2026, 12, 1, 3, tzinfo=UTC)


def test_amounts_read_as_people_write_them() -> None:
    assert money(0, "USD") == "US$ 0,00"
    assert money(1_234_567_890_000, "BRL") == "R$ 1.234.567,89"
    assert money(1, "USD") == "US$ 0,000001"
    assert tokens(1_000) == "1.000 tokens"
    assert PRICES.of("penny", DAY).cost(60, 40) == 140
