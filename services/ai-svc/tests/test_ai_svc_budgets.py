"""Budgets over HTTP: set, changed on the version seen, lifted; nobody else's."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from ai_svc_factories import Person
from ai_svc_usage import ANA, VERA, Caller
from fastapi import FastAPI

from ai_svc.modules.usage.service import BudgetExceeded, Reservation

pytestmark = pytest.mark.committed

PersonOf = Callable[[str], Person]

BUDGETS = "/api/v1/ai/budgets"
UNKNOWN = UUID("0192a000-0000-7000-8000-0000000fffff")
NONE_AT_ALL: dict[str, Any] = {"scope": "organization", "tokens_per_day": 0}


async def created(person: Person, **given: Any) -> dict[str, Any]:
    answer = await person.post(BUDGETS, json={**NONE_AT_ALL, **given})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_a_budget_is_set_shown_changed_and_lifted(ana: Person, app: FastAPI) -> None:
    caller = Caller(app.state.resources.database)
    answer = await ana.post(BUDGETS, json={**NONE_AT_ALL, "tokens_per_month": 10**6})
    path = answer.headers["location"]
    refused = await caller.tries()
    changed = await ana.call(
        "PATCH", path, json={"tokens_per_day": 100}, headers={"if-match": '"1"'}
    )
    stale = await ana.call("PATCH", path, json={"micros_per_day": 1}, headers={"if-match": '"1"'})
    first, second = await caller.tries(), await caller.tries()
    kept = await ana.call("DELETE", path, headers={"if-match": '"1"'})
    lifted = await ana.call("DELETE", path, headers={"if-match": '"2"'})

    assert (answer.headers["etag"], answer.json()["data"]["currency"]) == ('"1"', "USD")
    assert isinstance(refused, BudgetExceeded)
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["data"]["changed_by"] == str(ANA)
    assert changed.json()["data"]["tokens_per_month"] == 10**6
    assert stale.status_code == 412
    assert (type(first), type(second)) == (Reservation, BudgetExceeded)
    assert (kept.status_code, lifted.status_code) == (412, 204)
    assert isinstance(await caller.tries(), Reservation)
    assert (await ana.get(path)).status_code == 404


async def test_one_user_may_have_more_than_each(ana: Person, app: FastAPI) -> None:
    await created(ana, scope="each_user", tokens_per_day=0)
    await created(ana, scope="user", user_id=str(VERA), tokens_per_day=100)
    database = app.state.resources.database

    assert isinstance(await Caller(database).tries(), BudgetExceeded)
    assert isinstance(await Caller(database, user_id=VERA).tries(), Reservation)
    assert isinstance(await Caller(database, user_id=VERA).tries(), BudgetExceeded)
    assert isinstance(await Caller(database, user_id=None).tries(), Reservation)


async def test_two_who_set_the_same_at_once_set_one(ana: Person) -> None:
    answers = await asyncio.gather(
        *(ana.post(BUDGETS, json={**NONE_AT_ALL, "tokens_per_day": n}) for n in range(6))
    )
    of_vera = {"scope": "user", "user_id": str(VERA)}
    users = await asyncio.gather(*(ana.post(BUDGETS, json=of_vera) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert sorted(answer.status_code for answer in users) == [201, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {
        "BUDGET_TAKEN"
    }


async def test_changes_of_one_version_at_once_are_one_change(ana: Person) -> None:
    budget = await created(ana)
    path = f"{BUDGETS}/{budget['id']}"

    answers = await asyncio.gather(
        *(
            ana.call("PATCH", path, json={"tokens_per_day": n}, headers={"if-match": '"1"'})
            for n in range(1, 6)
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 4]
    assert (await ana.get(path)).json()["data"]["version"] == 2


async def test_the_same_key_sets_it_once(ana: Person) -> None:
    key = {"idempotency-key": "k1"}
    first = await ana.post(BUDGETS, json=NONE_AT_ALL, headers=key)
    again = await ana.post(BUDGETS, json=NONE_AT_ALL, headers=key)
    other = await ana.post(BUDGETS, json={**NONE_AT_ALL, "tokens_per_day": 1}, headers=key)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json()["data"] == again.json()["data"]


async def test_budgets_are_listed_page_by_page(ana: Person) -> None:
    made = [
        await created(ana),
        await created(ana, scope="each_user"),
        await created(ana, scope="user", user_id=str(VERA)),
    ]

    first = (await ana.get(BUDGETS, params={"limit": 2})).json()
    cursor = first["meta"]["next_cursor"]
    rest = (await ana.get(BUDGETS, params={"limit": 2, "cursor": cursor})).json()

    ids = [each["id"] for each in first["data"] + rest["data"]]
    assert ids == [each["id"] for each in reversed(made)]
    assert rest["meta"]["has_more"] is False


async def test_nobody_else_touches_it(ana: Person, beto: Person, person: PersonOf) -> None:
    budget = await created(ana)
    for path in (f"{BUDGETS}/{budget['id']}", f"{BUDGETS}/{UNKNOWN}"):
        for method, body in (("GET", None), ("PATCH", {"tokens_per_day": 1}), ("DELETE", None)):
            answer = await beto.call(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (404, "BUDGET_NOT_FOUND")
    for name in ("bruno", "vera", "davi"):
        nobody = person(name)
        assert (await nobody.get(BUDGETS)).status_code == 403
        assert (await nobody.post(BUDGETS, json=NONE_AT_ALL)).status_code == 403
        deleted = await nobody.call("DELETE", f"{BUDGETS}/{budget['id']}")
        assert deleted.status_code == 403
    assert (await beto.get(BUDGETS)).json()["data"] == []
    assert (await ana.get(f"{BUDGETS}/{budget['id']}")).json()["data"] == budget


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"scope": "team"},
        {"scope": "user"},
        {"scope": "organization", "user_id": str(VERA)},
        {"scope": "organization", "tokens_per_day": -1},
        {"scope": "organization", "tokens_per_day": 1.5},
        {"scope": "organization", "tokens_per_day": "1"},
        {"scope": "organization", "tokens_per_day": 2**63},
        {"scope": "organization", "tokens_per_year": 1},
    ],
)
async def test_a_budget_that_is_none_is_refused(ana: Person, body: dict[str, Any]) -> None:
    answer = await ana.post(BUDGETS, json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "VALIDATION_ERROR"


async def test_whom_it_is_for_stays(ana: Person) -> None:
    budget = await created(ana)

    answer = await ana.call("PATCH", f"{BUDGETS}/{budget['id']}", json={"scope": "each_user"})

    assert answer.status_code == 422
