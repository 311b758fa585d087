"""Budgets and usage on the wire. Money is in millionths of the price list's currency."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ai_svc.modules.usage.days import Period
from ai_svc.modules.usage.models import Budget, Counted, Scope
from ai_svc.modules.usage.prices import shipped_prices
from ai_svc.questions import Input
from shared_schemas.ids import UserId

# 9 · 10^15 fits a bigint with room for sums, and a JavaScript number.
Limit = Annotated[int, Field(strict=True, ge=0, le=9_000_000_000_000_000)]

_EXAMPLE: Final[dict[str, Any]] = {
    "scope": "each_user",
    "tokens_per_day": 200_000,
    "micros_per_month": 20_000_000,
}


class LimitFields(Input):
    """The most of each; null: any amount."""

    tokens_per_day: Limit | None = Field(default=None, description="In and out, in Brasília's day")
    tokens_per_month: Limit | None = None
    micros_per_day: Limit | None = Field(
        default=None, description="Money in millionths: 5000000 is 5 of the currency"
    )
    micros_per_month: Limit | None = None


class BudgetCreate(LimitFields):
    """For the organization as a whole, for each user, or for one user instead of that."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]}
    )

    scope: Scope
    user_id: UUID | None = Field(default=None, description="With scope `user`, and only then")

    @model_validator(mode="after")
    def _user_or_not(self) -> Self:
        if (self.scope is Scope.USER) != (self.user_id is not None):
            raise PydanticCustomError(
                "budget_user", "Informe user_id quando scope for user, e só então."
            )
        return self


class BudgetChange(LimitFields):
    """What is left out stays; null lifts the limit."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"tokens_per_day": 300_000}]}
    )


class BudgetRead(BaseModel):
    """A budget."""

    id: UUID
    scope: Scope
    user_id: UserId | None
    tokens_per_day: int | None
    tokens_per_month: int | None
    micros_per_day: int | None
    micros_per_month: int | None
    currency: str = Field(examples=["USD"])
    changed_by: UserId
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, budget: Budget) -> Self:
        """From the table."""
        own = {name: getattr(budget, name) for name in cls.model_fields if name != "currency"}
        return cls(**own, currency=shipped_prices().currency)


class Of(StrEnum):
    """Whose usage."""

    OWN = "own"
    ORGANIZATION = "organization"


class Dimension(StrEnum):
    """What usage can be told apart by."""

    DAY = "day"
    USER = "user"
    MODEL = "model"
    USE = "use"


class UsageRead(BaseModel):
    """What was used; null: not told apart by it, or nobody in person."""

    day: date | None = Field(description="In Brasília, of the call's beginning")
    user_id: UserId | None
    model: str | None = Field(examples=["gpt-5-mini"])
    use: str | None = Field(examples=["chat"])
    calls: int
    open_calls: int = Field(description="Of those, under way: they count in full")
    unpriced_calls: int = Field(description="Of those, to models without a price: the dearest's")
    input_tokens: int
    output_tokens: int
    cost_micros: int = Field(description="Money in millionths")
    currency: str = Field(examples=["USD"])

    @classmethod
    def of(cls, row: Any) -> Self:
        """From a query with the dimensions asked for."""
        told = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
        own = {name: told.get(name) for name in cls.model_fields if name != "currency"}
        return cls(**own, currency=shipped_prices().currency)


class RemainingRead(BaseModel):
    """One budget in the current day or month."""

    counted: Counted
    period: Period
    tokens: int = Field(description="Used, or set aside for calls under way")
    token_limit: int | None
    cost_micros: int
    cost_limit_micros: int | None
    currency: str = Field(examples=["USD"])
    renewed_at: datetime = Field(description="When it begins anew")
