"""Calendars and policies: what is accepted, what is kept, who may change them."""

from datetime import datetime
from typing import Any

import pytest
from core_api_factories import Person, without_request_id
from core_api_records import Records
from sla_factories import CALENDARS, OFFICE, POLICIES, make_calendar, make_policy

NOBODY = "0192a000-0000-7000-8000-0000000000fe"


async def test_a_calendar_knows_the_holidays_of_its_state(ana: Person) -> None:
    calendar = await make_calendar(
        ana, week={"monday": OFFICE}, holidays={"national": True, "state": "SP"}
    )

    names = {day["name"] for day in calendar["upcoming_holidays"]}
    assert {"Natal", "Tiradentes", "Revolução Constitucionalista"} <= names
    assert calendar["revision"] == 1
    assert calendar["week"]["monday"] == OFFICE
    assert calendar["week"]["sunday"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"time_zone": "America/Aurora"}, "time_zone"),
        ({"week": {}}, "week"),
        ({"week": {"monday": [{"opens": "12:00", "closes": "08:00"}]}}, "week"),
        ({"week": {"monday": [{"opens": "8", "closes": "12:00"}]}}, "week"),
        (
            {
                "week": {
                    "monday": [
                        {"opens": "08:00", "closes": "12:00"},
                        {"opens": "11:00", "closes": "13:00"},
                    ]
                }
            },
            "week",
        ),
        ({"holidays": {"state": "XX"}}, "holidays"),
        ({"special_days": [{"date": "2026-13-01", "name": "?"}]}, "special_days"),
        ({"hours": "24x7"}, "hours"),
    ],
)
async def test_calendars_that_make_no_sense_are_refused(
    ana: Person, changes: dict[str, Any], field: str
) -> None:
    answer = await ana.post(CALENDARS, {"name": "Sede", "week": {"monday": OFFICE}} | changes)

    assert answer.status_code == 422
    assert any(field in detail["field"] for detail in answer.json()["details"])


async def test_a_changed_calendar_keeps_what_it_was(ana: Person, records: Records) -> None:
    calendar = await make_calendar(ana)
    path = f"{CALENDARS}/{calendar['id']}"
    answer = await ana.patch(path, {"week": {"monday": OFFICE}}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"name": "Outro"}, headers={"if-match": '"1"'})

    assert answer.json()["data"]["revision"] == 2
    assert stale.status_code == 412
    new, old = await ana.seen(f"{path}/revisions")
    assert (new["revision"], old["revision"]) == (2, 1)
    assert len(old["content"]["week"]["sunday"]) == 1
    (noted,) = await records.audit("sla_calendar.updated")
    assert noted["values"]["week"]["to"]["monday"] == OFFICE
    assert noted["changed"] == ["week"]


async def test_renaming_a_calendar_changes_no_time(ana: Person) -> None:
    calendar = await make_calendar(ana)
    answer = await ana.patch(f"{CALENDARS}/{calendar['id']}", {"name": "Plantão"})

    assert (answer.json()["data"]["name"], answer.json()["data"]["revision"]) == ("Plantão", 1)


async def test_a_calendar_in_use_stays(ana: Person) -> None:
    policy = await make_policy(ana)
    path = f"{CALENDARS}/{policy['calendar_id']}"
    refused = await ana.delete(path)
    await ana.delete(f"{POLICIES}/{policy['id']}")
    gone = await ana.delete(path)

    assert (refused.status_code, refused.json()["code"]) == (409, "SLA_CALENDAR_IN_USE")
    assert gone.status_code == 204
    assert (await ana.get(path)).status_code == 404


async def test_names_and_the_default_are_taken_once(ana: Person) -> None:
    policy = await make_policy(ana)
    calendar_id = policy["calendar_id"]
    same = {"calendar_id": calendar_id, "resolution_minutes": 5}

    second = await ana.post(POLICIES, {"name": "Outra", "is_default": True} | same)
    named = await ana.post(POLICIES, {"name": "Todos"} | same)
    calendar = await ana.post(
        CALENDARS, {"name": "Calendário de todos", "week": {"monday": OFFICE}}
    )

    assert (second.status_code, second.json()["code"]) == (409, "SLA_DEFAULT_TAKEN")
    assert (named.status_code, named.json()["code"]) == (409, "SLA_POLICY_NAME_TAKEN")
    assert (calendar.status_code, calendar.json()["code"]) == (409, "SLA_CALENDAR_NAME_TAKEN")


@pytest.mark.parametrize(
    "changes",
    [
        {"resolution_minutes": None},  # and no other target
        {"resolution_minutes": 0},
        {"is_default": True, "priorities": ["urgent"]},
        {"priorities": ["very"]},
        {"pauses_in": ["open"]},
        {"calendar_id": NOBODY},
        {"category_ids": [NOBODY]},
    ],
)
async def test_policies_that_make_no_sense_are_refused(
    ana: Person, changes: dict[str, Any]
) -> None:
    calendar = await make_calendar(ana)
    given = {"name": "Nova", "calendar_id": calendar["id"], "resolution_minutes": 60}

    assert (await ana.post(POLICIES, given | changes)).status_code == 422


async def test_a_patch_that_leaves_no_target_is_refused(ana: Person) -> None:
    policy = await make_policy(ana, first_response_minutes=None, next_response_minutes=None)
    answer = await ana.patch(f"{POLICIES}/{policy['id']}", {"resolution_minutes": None})
    conditions = await ana.patch(f"{POLICIES}/{policy['id']}", {"priorities": ["urgent"]})

    assert (answer.status_code, conditions.status_code) == (422, 422)


async def test_a_changed_policy_keeps_what_it_was(ana: Person, records: Records) -> None:
    policy = await make_policy(ana)
    path = f"{POLICIES}/{policy['id']}"
    answer = await ana.patch(path, {"resolution_minutes": 60}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"name": "Outra"}, headers={"if-match": '"1"'})
    renamed = await ana.patch(path, {"name": "Geral"})

    assert answer.json()["data"]["revision"] == 2
    assert renamed.json()["data"]["revision"] == 2
    assert stale.status_code == 412
    new, old = await ana.seen(f"{path}/revisions")
    assert (old["content"]["resolution_seconds"], new["content"]["resolution_seconds"]) == (
        36000,
        3600,
    )
    first = (await records.audit("sla_policy.updated"))[0]
    assert first["values"]["resolution_seconds"] == {"from": 36000, "to": 3600}


async def test_policies_are_asked_in_their_order(ana: Person) -> None:
    default = await make_policy(ana)
    made = [
        await make_policy(
            ana,
            name=name,
            is_default=False,
            calendar_id=default["calendar_id"],
            priorities=["urgent"],
        )
        for name in ("Um", "Dois", "Três")
    ]
    one, two, three = (policy["id"] for policy in made)

    incomplete = await ana.call("PUT", f"{POLICIES}/order", json={"policy_ids": [one, two]})
    with_default = await ana.call(
        "PUT", f"{POLICIES}/order", json={"policy_ids": [one, two, three, default["id"]]}
    )
    done = await ana.call("PUT", f"{POLICIES}/order", json={"policy_ids": [three, one, two]})
    preview = await ana.seen(f"{POLICIES}/preview", priority="urgent")

    assert (incomplete.status_code, with_default.status_code, done.status_code) == (422, 422, 204)
    assert preview["policy_id"] == three
    assert (await ana.seen(f"{POLICIES}/preview", priority="low"))["policy_id"] == default["id"]


async def test_a_preview_counts_in_the_hours_of_the_calendar(ana: Person) -> None:
    calendar = await make_calendar(
        ana,
        week={"friday": OFFICE, "monday": OFFICE},
        holidays={"national": True},
        special_days=[{"date": "2026-12-28", "name": "Recesso", "hours": [OFFICE[1]]}],
    )
    await make_policy(ana, calendar_id=calendar["id"], first_response_minutes=120)
    # A Wednesday; Friday is Christmas, Monday works in the afternoon only, then comes New Year.
    preview = await ana.seen(f"{POLICIES}/preview", at="2026-12-23T15:00:00-03:00")

    due = {one["metric"]: datetime.fromisoformat(one["due_at"]) for one in preview["targets"]}
    assert due["first_response"] == datetime.fromisoformat("2026-12-28T15:00:00-03:00")
    assert due["resolution"] == datetime.fromisoformat("2027-01-04T15:00:00-03:00")


async def test_only_who_configures_the_desk_changes_settings(
    ana: Person, bruno: Person, vera: Person, davi: Person
) -> None:
    policy = await make_policy(ana)
    for person in (bruno, vera, davi):
        answers = [
            await person.post(CALENDARS, {"name": "X", "week": {"monday": OFFICE}}),
            await person.post(POLICIES, {"name": "X", "calendar_id": policy["calendar_id"]}),
            await person.patch(f"{POLICIES}/{policy['id']}", {"name": "X"}),
            await person.delete(f"{POLICIES}/{policy['id']}"),
            await person.call("PUT", f"{POLICIES}/order", json={"policy_ids": []}),
        ]
        assert {answer.status_code for answer in answers} == {403}
        assert len(await person.seen(POLICIES)) == 1


async def test_of_another_organization_nothing_exists(ana: Person, beto: Person) -> None:
    policy = await make_policy(ana)
    calendar_id = policy["calendar_id"]

    for path in (f"{POLICIES}/{policy['id']}", f"{CALENDARS}/{calendar_id}"):
        theirs = await beto.get(path)
        none = await beto.get(f"{path[:-36]}{NOBODY}")
        assert theirs.status_code == 404
        assert without_request_id(theirs) == without_request_id(none)
        assert (await beto.patch(path, {"name": "Meu"})).status_code == 404
        assert (await beto.delete(path)).status_code == 404
    foreign = await beto.post(
        POLICIES, {"name": "Minha", "calendar_id": calendar_id, "resolution_minutes": 5}
    )
    assert foreign.status_code == 422


async def test_lists_take_a_fixed_number_of_queries(ana: Person, statements: list[str]) -> None:
    policy = await make_policy(ana)
    for number in range(3):
        await make_policy(
            ana, name=f"P{number}", is_default=False, calendar_id=policy["calendar_id"]
        )
        await make_calendar(ana, name=f"C{number}")
    for path in (POLICIES, CALENDARS, "/api/v1/sla-recomputations"):
        statements.clear()
        await ana.seen(path)
        assert len(statements) == 1


async def test_each_page_follows_the_one_before(ana: Person) -> None:
    policy = await make_policy(ana)
    for number in range(4):
        await make_policy(
            ana, name=f"P{number}", is_default=False, calendar_id=policy["calendar_id"]
        )
        await ana.patch(f"{POLICIES}/{policy['id']}", {"resolution_minutes": 100 + number})
    for path, count in (
        (POLICIES, 5),
        (f"{POLICIES}/{policy['id']}/revisions", 5),
        ("/api/v1/sla-recomputations", 9),
    ):
        found: list[Any] = []
        cursor = None
        while True:
            answer = await ana.get(
                path, params={"limit": 2} | ({"cursor": cursor} if cursor else {})
            )
            found += answer.json()["data"]
            cursor = answer.json()["meta"]["next_cursor"]
            if cursor is None:
                break
        assert len({str(one) for one in found}) == len(found) == count
