"""How each organization counts and checks requests of data subjects."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from core_api_factories import Person
from core_api_records import Records
from privacy_factories import REQUESTS, make_request

POLICIES = "/api/v1/privacy-policies"
SETTINGS = "/api/v1/privacy-settings"
TYPES = {
    "confirmation",
    "access",
    "correction",
    "anonymization",
    "blocking",
    "erasure",
    "portability",
    "sharing",
    "consent_consequences",
    "revocation",
    "opposition",
}
TEN_BUSINESS_DAYS: dict[str, Any] = {
    "type": "erasure",
    "days": 10,
    "unit": "business_days",
    "extension_days": 10,
    "identity_required": "basic",
    "warning_days": [3],
}


def days_of(request: dict[str, Any]) -> timedelta:
    due, received = (datetime.fromisoformat(request[name]) for name in ("due_at", "received_at"))
    return due - received


async def test_every_type_has_a_policy_from_the_start(davi: Person) -> None:
    policies = {policy["type"]: policy for policy in await davi.seen(POLICIES)}

    assert policies.keys() == TYPES
    access = policies["access"]
    assert (access["days"], access["unit"]) == (15, "calendar_days")
    assert (access["extension_days"], access["identity_required"]) == (0, "strong")
    assert {policy["unit"] for policy in policies.values()} == {
        "at_once",
        "calendar_days",
        "business_days",
    }


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ({"type": "access"}, 15),
        ({"type": "access", "form": "simplified"}, 0),
        ({"type": "confirmation"}, 0),
        ({"type": "confirmation", "form": "complete"}, 15),
        ({"type": "erasure"}, 15),
        ({"type": "revocation"}, 0),
    ],
)
async def test_deadlines_of_the_law(ana: Person, given: dict[str, Any], days: int) -> None:
    request = await make_request(ana, **given)

    assert days_of(request) == timedelta(days=days)
    assert (request["deadline_days"], request["deadline_doubled"]) == (days, False)


@pytest.mark.parametrize(
    ("given", "days", "doubled"),
    [
        ({"type": "access"}, 30, True),
        ({"type": "access", "form": "simplified"}, 15, False),  # Res. CD/ANPD 2/2022, art. 15
        ({"type": "erasure"}, 30, True),
        ({"type": "revocation"}, 0, False),
    ],
)
async def test_small_agent_has_twice_the_time(
    ana: Person, given: dict[str, Any], days: int, doubled: bool
) -> None:
    changed = await ana.patch(SETTINGS, {"is_small_agent": True})
    assert changed.json()["data"]["is_small_agent"] is True, changed.text

    request = await make_request(ana, **given)

    assert days_of(request) == timedelta(days=days)
    assert (request["deadline_days"], request["deadline_doubled"]) == (days, doubled)


async def test_policy_holds_for_what_comes_in_from_now_on(
    ana: Person, beto: Person, records: Records
) -> None:
    before = await make_request(ana, type="erasure")
    put = await ana.call("PUT", POLICIES, json=TEN_BUSINESS_DAYS)
    after = await make_request(ana, type="erasure")

    assert put.status_code == 200, put.text
    assert (before["deadline_days"], before["deadline_unit"]) == (15, "calendar_days")
    assert (after["deadline_days"], after["deadline_unit"]) == (10, "business_days")
    assert (after["identity_required"], after["extension_allowed_days"]) == ("basic", 10)
    assert (await ana.seen(f"{REQUESTS}/{before['id']}"))["due_at"] == before["due_at"]
    theirs = {policy["type"]: policy for policy in await beto.seen(POLICIES)}
    assert theirs["erasure"]["unit"] == "calendar_days"
    (noted,) = await records.audit("privacy_policy.updated")
    assert noted["values"]["days"] == {"from": 15, "to": 10}


@pytest.mark.parametrize(
    "changes",
    [
        {"days": 16},
        {"days": 10, "unit": "business_days"},
        {"extension_days": 15},
    ],
)
@pytest.mark.parametrize("type_", ["access", "confirmation"])
async def test_deadline_of_the_law_is_never_longer(
    ana: Person, type_: str, changes: dict[str, Any]
) -> None:
    faster = TEN_BUSINESS_DAYS | {"type": type_, "unit": "calendar_days", "extension_days": 0}

    refused = await ana.call("PUT", POLICIES, json=faster | changes)

    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "PRIVACY_POLICY_AGAINST_LAW"
    assert (await ana.call("PUT", POLICIES, json=faster)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"days": 0},
        {"unit": "at_once"},
        {"days": 91},
        {"warning_days": [0]},
        {"unit": "weeks"},
        {"type": "forgetting"},
        {"surprise": 1},
    ],
)
async def test_policy_that_makes_no_sense_is_refused(ana: Person, changes: dict[str, Any]) -> None:
    answer = await ana.call("PUT", POLICIES, json=TEN_BUSINESS_DAYS | changes)

    assert answer.status_code == 422, answer.text


async def test_policies_and_settings_have_versions(ana: Person) -> None:
    first = await ana.call("PUT", POLICIES, json=TEN_BUSINESS_DAYS)
    stale = {"if-match": '"1"'}

    assert first.headers["etag"] == '"2"'
    again = TEN_BUSINESS_DAYS | {"days": 8}
    assert (await ana.call("PUT", POLICIES, json=again, headers=stale)).status_code == 412
    assert (await ana.get(SETTINGS)).headers["etag"] == '"1"'
    assert (await ana.patch(SETTINGS, {"is_small_agent": True}, headers=stale)).is_success
    assert (await ana.patch(SETTINGS, {"is_small_agent": False}, headers=stale)).status_code == 412


async def test_who_may_not_execute_changes_nothing(bruno: Person, davi: Person) -> None:
    assert (await bruno.get(POLICIES)).status_code == 403
    assert (await bruno.call("PUT", POLICIES, json=TEN_BUSINESS_DAYS)).status_code == 403
    assert (await bruno.patch(SETTINGS, {"is_small_agent": True})).status_code == 403
    assert (await davi.seen(SETTINGS))["is_small_agent"] is False
