"""Calls to models, as far as budgets see them."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import SecretStr

from ai_svc.modules.usage.days import Period, day_of
from ai_svc.modules.usage.prices import PriceList
from ai_svc.modules.usage.service import BudgetExceeded, Reservation, reserve
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId, UserId

AURORA = OrganizationId(PEOPLE["ana"].organization.id)
BOREAL = OrganizationId(PEOPLE["beto"].organization.id)
ANA = UserId(PEOPLE["ana"].sub)
VERA = UserId(PEOPLE["vera"].sub)
BETO = UserId(PEOPLE["beto"].sub)

# One token in costs one micro, one out two.
PRICES = PriceList.model_validate(
    {
        "currency": "USD",
        "free": ["extractive"],
        "price": [
            {
                "model": "penny",
                "input": "1",
                "output": "2",
                "since": date(2020, 1, 1),
                "source": "tests",
                "checked_on": date(2020, 1, 1),
            }
        ],
    }
)


def replica(urls: DatabaseUrls, connections: int) -> Database:
    """One replica's way to the database, with so many connections."""
    return Database(
        DatabaseSettings(
            url=SecretStr(urls.app), worker_url=SecretStr(urls.worker), pool_size=connections
        ),
        schema="ai",
        application_name="ai-svc tests",
    )


@dataclass
class Caller:
    """Somebody who asks a model."""

    database: Database
    organization_id: OrganizationId = AURORA
    user_id: UserId | None = ANA
    asked: dict[str, Any] = field(default_factory=dict)

    async def reserves(self, given: int = 60, most: int = 40, **changes: Any) -> Reservation:
        """One call: 100 tokens, 140 micros."""
        call: dict[str, Any] = {
            "organization_id": self.organization_id,
            "user_id": self.user_id,
            "use": "chat",
            "model": "penny",
            "run_id": None,
            "request_id": "tests",
            "prices": PRICES,
        }
        return await reserve(
            self.database,
            **{**call, "input_tokens": given, "max_output_tokens": most, **self.asked, **changes},
        )

    async def tries(self, **changes: Any) -> Reservation | BudgetExceeded:
        """The same; a refusal is an answer, too."""
        try:
            return await self.reserves(**changes)
        except BudgetExceeded as refusal:
            return refusal


def today() -> date:
    """In Brasília."""
    return day_of(utc_now())


def this_month() -> date:
    """Its first day."""
    return Period.MONTH.begins(today())
