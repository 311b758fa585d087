"""Usage over HTTP: one's own, the organization's, and what is left."""

from collections.abc import Callable
from typing import Any

import pytest
from ai_svc_factories import INTERNAL_KEY, Person
from ai_svc_usage import ANA, BETO, BOREAL, VERA, Caller, this_month, today
from fastapi import FastAPI

from ai_svc.modules.usage.service import release, settle
from chassis.data.database import Database

pytestmark = pytest.mark.committed

PersonOf = Callable[[str], Person]

USAGE = "/api/v1/ai/usage"
BUDGETS = "/api/v1/ai/budgets"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
EVERYBODY = {"of": "organization"}


@pytest.fixture
def database(app: FastAPI, clean: None) -> Database:
    """The service's."""
    database: Database = app.state.resources.database
    return database


@pytest.fixture
async def used(database: Database) -> None:
    """Four calls at aurora, one of them given back, and one at boreal."""
    ana, vera = Caller(database), Caller(database, user_id=VERA)
    await settle(database, await ana.reserves(), input_tokens=10, output_tokens=5)
    await ana.reserves(use="summary")  # under way
    await settle(database, await vera.reserves(model="unheard-of"), input_tokens=1, output_tokens=1)
    nobody = await Caller(database, user_id=None).reserves(use="triage")
    await settle(database, nobody, input_tokens=2, output_tokens=0)
    await release(database, await ana.reserves())
    await Caller(database, organization_id=BOREAL, user_id=BETO).reserves()


async def rows(person: Person, **query: Any) -> list[dict[str, Any]]:
    answer = await person.get(USAGE, params=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_everybody_sees_their_own(used: None, ana: Person, vera: Person) -> None:
    (day,) = await rows(ana)
    (veras,) = await rows(vera, by=["model", "user"])

    assert day == {
        "day": today().isoformat(),
        "user_id": None,
        "model": None,
        "use": None,
        "calls": 2,
        "open_calls": 1,
        "unpriced_calls": 0,
        "input_tokens": 70,
        "output_tokens": 45,
        "cost_micros": 160,
        "currency": "USD",
    }
    assert (veras["user_id"], veras["model"]) == (str(VERA), "unheard-of")
    assert (veras["unpriced_calls"], veras["cost_micros"]) == (1, 3)


async def test_who_may_sees_the_organization(used: None, ana: Person, person: PersonOf) -> None:
    (day,) = await rows(person("davi"), of="organization")
    by_user = await rows(ana, of="organization", by="user")
    triage = await rows(ana, of="organization", by="use", use="triage")
    of_vera = await rows(ana, of="organization", user_id=str(VERA))

    assert (day["calls"], day["input_tokens"], day["output_tokens"]) == (4, 73, 46)
    assert {row["user_id"]: row["calls"] for row in by_user} == {
        str(ANA): 2,
        str(VERA): 1,
        None: 1,
    }
    assert [(row["use"], row["cost_micros"]) for row in triage] == [("triage", 2)]
    assert [row["calls"] for row in of_vera] == [1]


async def test_pages_follow_each_other(used: None, ana: Person, database: Database) -> None:
    await Caller(database, user_id=None).reserves(use="routing")
    query = {**EVERYBODY, "by": ["user", "model", "use", "day"], "limit": 1}
    seen, cursor = [], None
    for _ in range(9):
        answer = (
            await ana.get(USAGE, params={**query, "cursor": cursor} if cursor else query)
        ).json()
        seen += answer["data"]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            break

    whole = await rows(ana, **{**query, "limit": 100})
    assert seen == whole
    assert len(whole) == 5
    assert [row["user_id"] for row in whole[-2:]] == [None, None]


async def test_nobody_else_sees_the_organization(used: None, vera: Person, beto: Person) -> None:
    whole = await vera.get(USAGE, params=EVERYBODY)
    anas = await vera.get(USAGE, params={"user_id": str(ANA)})
    elsewhere = await rows(beto, of="organization", user_id=str(ANA))

    assert (whole.status_code, anas.status_code) == (403, 403)
    assert elsewhere == []
    assert [row["calls"] for row in await rows(beto, of="organization")] == [1]
    assert (await vera.http.get(USAGE)).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        {"by": "client"},
        {"of": "everybody"},
        {"since": "2026-02-30"},
        {"since": "2026-01-02", "until": "2026-01-01"},
        {"since": "2020-01-01", "until": "2026-01-01"},
        {"user_id": "ana"},
        {"cursor": "WzFd"},
        {"model": "m" * 201},
        {"limit": "0"},
    ],
)
async def test_a_question_that_is_none_is_refused(ana: Person, query: dict[str, str]) -> None:
    answer = await ana.get(USAGE, params=query)

    assert answer.status_code == 422
    assert answer.json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("until", ["0001-01-01", "9999-12-31"])
async def test_the_ends_of_the_calendar_are_days(ana: Person, until: str) -> None:
    assert await rows(ana, until=until) == []


async def test_what_is_left_is_shown(used: None, ana: Person, vera: Person) -> None:
    budget = {"scope": "each_user", "tokens_per_day": 500, "micros_per_month": 9_000}
    assert (await ana.post(BUDGETS, json=budget)).status_code == 201

    mine = (await vera.get(f"{USAGE}/current")).json()["data"]
    all_of_it = (await ana.get(f"{USAGE}/current")).json()["data"]

    day, month = mine
    assert (day["counted"], day["period"], day["tokens"], day["token_limit"]) == (
        "user",
        "day",
        2,
        500,
    )
    assert (month["cost_micros"], month["cost_limit_micros"]) == (3, 9_000)
    assert month["token_limit"] is None
    assert month["renewed_at"] > f"{this_month().isoformat()}T"
    organization = {each["period"]: each for each in all_of_it if each["counted"] == "organization"}
    assert organization["day"]["tokens"] == 15 + 100 + 2 + 2
    assert organization["day"]["token_limit"] is None


async def test_reservations_of_the_dead_are_swept_for_services_only(
    used: None, ana: Person, superuser: Any
) -> None:
    sweep = "/internal/v1/usage/sweep"
    await superuser.execute("UPDATE ai.usage_entries SET lease_expires_at = now()")

    refused = await ana.post(sweep)
    swept = await ana.http.post(sweep, headers=WORKER)
    again = await ana.http.post(sweep, headers=WORKER)

    assert refused.status_code == 401
    assert (swept.json()["data"], again.json()["data"]) == ({"expired": 2}, {"expired": 0})
    assert sum(row["open_calls"] for row in await rows(ana, of="organization")) == 0
    assert (await rows(ana, of="organization"))[0]["input_tokens"] == 73
