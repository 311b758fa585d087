"""Teams, their members, and what is and is not allowed."""

import httpx
import pytest
from core_api_factories import TICKETS, Person, make_ticket, without_request_id
from core_api_records import Records
from core_api_teams import TEAMS, assignee, id_of, join, make_team, open_in, say

from shared_schemas.ids import new_id


async def test_team_is_made_changed_and_archived(ana: Person, records: Records) -> None:
    team = await make_team(ana, name="Tributos", absence_limit_minutes=60)
    path = f"{TEAMS}/{team['id']}"

    changed = await ana.patch(path, {"mode": "least_loaded"}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"name": "Outra"}, headers={"if-match": '"1"'})
    gone = await ana.delete(path, headers={"if-match": '"2"'})

    assert changed.json()["data"] | {"updated_at": None} == team | {
        "mode": "least_loaded",
        "version": 2,
        "updated_at": None,
    }
    assert stale.status_code == 412
    assert gone.status_code == 204
    assert (await ana.get(path)).status_code == 404
    assert await ana.seen(TEAMS) == []
    updated = (await records.audit("team.updated"))[0]
    assert updated["values"] == {"mode": {"from": "round_robin", "to": "least_loaded"}}


async def test_name_is_there_once_until_archived(ana: Person) -> None:
    team = await make_team(ana)

    again = await ana.post(TEAMS, {"name": "Tributos"})
    await ana.delete(f"{TEAMS}/{team['id']}")

    assert (again.status_code, again.json()["code"]) == (409, "TEAM_NAME_TAKEN")
    await make_team(ana)


async def test_team_with_unfinished_tickets_stays(ana: Person) -> None:
    team = await make_team(ana)
    (ticket,) = await open_in(ana, team)

    refused = await ana.delete(f"{TEAMS}/{team['id']}")
    await ana.made(f"{TICKETS}/{ticket['id']}/resolve", None)
    allowed = await ana.delete(f"{TEAMS}/{team['id']}")

    assert (refused.status_code, refused.json()["code"]) == (409, "TEAM_HAS_TICKETS")
    assert allowed.status_code == 204
    assert (await ana.seen(f"{TICKETS}/{ticket['id']}"))["team_id"] == team["id"]


async def test_members_are_listed_with_their_load(
    ana: Person, bruno: Person, records: Records
) -> None:
    team = await make_team(ana, [bruno], capacity=3)
    await open_in(ana, team, 2)
    await say(bruno, "busy")

    (member,) = await ana.seen(f"{TEAMS}/{team['id']}/members")

    assert {name: member[name] for name in ("capacity", "open_tickets", "availability")} == {
        "capacity": 3,
        "open_tickets": 2,
        "availability": "busy",
    }
    added = (await records.audit("team.member_added"))[0]
    assert added["values"]["capacity"] == {"from": None, "to": 3}


async def test_capacity_has_an_etag_that_turns_do_not_change(ana: Person, bruno: Person) -> None:
    team = await make_team(ana, [bruno])
    path = f"{TEAMS}/{team['id']}/members/{await id_of(bruno)}"
    await open_in(ana, team, 2)

    first = await ana.call("PUT", path, json={"capacity": 7}, headers={"if-match": '"1"'})
    stale = await ana.call("PUT", path, json={"capacity": 8}, headers={"if-match": '"1"'})

    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert stale.status_code == 412


async def test_who_leaves_gives_back(ana: Person, bruno: Person, records: Records) -> None:
    team = await make_team(ana, [bruno])
    tickets = await open_in(ana, team, 2)
    await join(ana, team, ana)

    gone = await ana.delete(f"{TEAMS}/{team['id']}/members/{await id_of(bruno)}")

    assert gone.status_code == 204
    me = await id_of(ana)
    assert [await assignee(ana, ticket) for ticket in tickets] == [me, me]
    reasons = [row["reason"] for row in await records.audit("ticket.assigned")]
    assert reasons == [
        *["auto: round robin"] * 2,
        *["auto: not in the team"] * 2,
        *["auto: round robin"] * 2,
    ]


@pytest.mark.parametrize("who", ["bruno", "vera", "davi"])
async def test_only_who_configures_the_desk_sets_up_teams(
    who: str, request: pytest.FixtureRequest, ana: Person
) -> None:
    person: Person = request.getfixturevalue(who)
    team = await make_team(ana)
    path = f"{TEAMS}/{team['id']}"
    member = f"{path}/members/{await id_of(ana)}"

    answers = [
        await person.post(TEAMS, {"name": "Outra"}),
        await person.patch(path, {"name": "Outra"}),
        await person.delete(path),
        await person.call("PUT", member, json={"capacity": 1}),
        await person.delete(member),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert (await person.get(path)).status_code == 200


async def test_team_of_another_organization_is_not_there(ana: Person, beto: Person) -> None:
    team = await make_team(ana)
    path, unknown = f"{TEAMS}/{team['id']}", f"{TEAMS}/{new_id()}"
    member = f"/members/{await id_of(beto)}"

    def same(theirs: httpx.Response, nobodys: httpx.Response) -> None:
        assert theirs.status_code == nobodys.status_code == 404
        assert without_request_id(theirs) == without_request_id(nobodys)

    same(await beto.get(path), await beto.get(unknown))
    same(await beto.patch(path, {"name": "x"}), await beto.patch(unknown, {"name": "x"}))
    same(await beto.delete(path), await beto.delete(unknown))
    same(await beto.get(f"{path}/members"), await beto.get(f"{unknown}/members"))
    theirs = await beto.call("PUT", path + member, json={"capacity": 1})
    same(theirs, await beto.call("PUT", unknown + member, json={"capacity": 1}))
    same(await beto.delete(path + member), await beto.delete(unknown + member))
    ticket = await make_ticket(beto)
    refused = await beto.patch(f"{TICKETS}/{ticket['id']}", {"team_id": team["id"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "TEAM_NOT_FOUND")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": " "},
        {"name": "x", "mode": "random"},
        {"name": "x", "absence_limit_minutes": 0},
        {"name": "x", "unknown": 1},
    ],
)
async def test_malformed_team_is_refused(given: dict[str, object], ana: Person) -> None:
    assert (await ana.post(TEAMS, given)).status_code == 422


async def test_capacity_is_not_negative_and_of_a_member(ana: Person) -> None:
    team = await make_team(ana)
    path = f"{TEAMS}/{team['id']}/members"

    negative = await ana.call("PUT", f"{path}/{await id_of(ana)}", json={"capacity": -1})
    nobody = await ana.call("PUT", f"{path}/{new_id()}", json={"capacity": 1})

    assert negative.status_code == 422
    assert (nobody.status_code, nobody.json()["code"]) == (404, "MEMBER_UNKNOWN")


@pytest.mark.parametrize("who", ["vera", "davi"])
async def test_who_may_not_answer_tickets_is_in_no_team(
    ana: Person, who: str, request: pytest.FixtureRequest
) -> None:
    team = await make_team(ana, [])
    person: Person = request.getfixturevalue(who)

    answer = await ana.call(
        "PUT", f"{TEAMS}/{team['id']}/members/{await id_of(person)}", json={"capacity": 5}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "CANNOT_ATTEND")
    assert await ana.seen(f"{TEAMS}/{team['id']}/members") == []


async def test_lists_take_a_fixed_number_of_queries(
    ana: Person, bruno: Person, statements: list[str]
) -> None:
    team = await make_team(ana, [])
    paths = [TEAMS, f"{TEAMS}/{team['id']}/members"]
    counts = []
    for name in ("Outra", "Mais uma"):
        statements.clear()
        for path in paths:
            await ana.seen(path)
        counts.append(len(statements))
        await make_team(ana, name=name)
        await join(ana, team, bruno)

    assert counts == [3, 3]
