"""Whose ticket it is: in turn or by load, within capacity, among those who are there and able."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from core_api_factories import TICKETS, Person, PersonOf, make_client, make_ticket
from core_api_records import Records
from core_api_teams import (
    ME,
    TEAMS,
    assignee,
    id_of,
    join,
    make_crew,
    make_team,
    open_in,
    say,
)

from core_api.modules.teams.choosing import Candidate, next_of
from core_api.modules.teams.models import AssignmentMode
from shared_schemas.ids import UserId, new_id

RULES = "/api/v1/skill-rules"
ABSENCES = "/api/v1/absences"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _candidate(number: int, **changes: Any) -> Candidate:
    given: dict[str, Any] = {
        "member_id": UserId(new_id()),
        "capacity": 10,
        "last_turn": 0,
        "joined_at": NOW + timedelta(minutes=number),
        "skills": frozenset(),
    }
    return Candidate(**(given | changes))


def test_in_turn_whoever_waited_longest_is_next() -> None:
    crew = [_candidate(0, last_turn=9), _candidate(1, last_turn=4), _candidate(2, last_turn=7)]

    order = []
    for turn in range(10, 16):
        chosen = next_of(AssignmentMode.ROUND_ROBIN, crew, frozenset())
        assert chosen is not None
        chosen.take(turn)
        order.append(crew.index(chosen))

    assert order == [1, 2, 0, 1, 2, 0]


def test_by_load_the_fewest_then_whoever_waited_longest() -> None:
    crew = [
        _candidate(0, load=2, last_turn=1),
        _candidate(1, load=1, last_turn=5),
        _candidate(2, load=1, last_turn=3),
    ]

    assert next_of(AssignmentMode.LEAST_LOADED, crew, frozenset()) is crew[2]


def test_only_who_has_room_and_every_skill() -> None:
    full = _candidate(0, load=10)
    half = _candidate(1, skills=frozenset({"iptu"}))
    able = _candidate(2, skills=frozenset({"iptu", "libras"}), last_turn=99)
    needed = frozenset({"iptu", "libras"})

    assert next_of(AssignmentMode.ROUND_ROBIN, [full, half, able], needed) is able
    assert next_of(AssignmentMode.ROUND_ROBIN, [full, half], needed) is None


async def test_tickets_of_a_team_go_round(ana: Person, person: PersonOf, records: Records) -> None:
    crew = await make_crew(person, 3)
    team = await make_team(ana, crew)
    ids = [await id_of(one) for one in crew]

    tickets = await open_in(ana, team, 6)

    assert [ticket["assignee_id"] for ticket in tickets] == ids * 2
    assert {ticket["status"] for ticket in tickets} == {"open"}
    assigned = (await records.audit("ticket.assigned"))[0]
    assert assigned["reason"] == "auto: round robin"
    assert assigned["values"]["assignee_id"] == {"from": None, "to": ids[0]}
    assert str(assigned["actor_id"]) == await id_of(ana)
    changed = [event["payload"]["changed"] for event in await records.events("ticket.updated")]
    assert changed == [["assignee_id", "status"]] * 6


async def test_least_loaded_gets_the_next(ana: Person, person: PersonOf, records: Records) -> None:
    one, two = await make_crew(person, 2)
    team = await make_team(ana, [one, two], mode="least_loaded")
    tickets = await open_in(ana, team, 4)
    for ticket in tickets:
        if ticket["assignee_id"] == await id_of(two):
            await ana.made(f"{TICKETS}/{ticket['id']}/resolve", None)

    new = await open_in(ana, team, 3)

    two_then_in_turn = [await id_of(two), await id_of(two)]
    assert [ticket["assignee_id"] for ticket in new][:2] == two_then_in_turn
    assert (await records.audit("ticket.assigned"))[-1]["reason"] == "auto: least loaded"


async def test_by_hand_nobody_gets_it_by_itself(ana: Person, bruno: Person) -> None:
    team = await make_team(ana, [bruno], mode="manual")
    (ticket,) = await open_in(ana, team)
    assert (ticket["assignee_id"], ticket["status"]) == (None, "new")

    await ana.patch(f"{TEAMS}/{team['id']}", {"mode": "round_robin"})

    assert await assignee(ana, ticket) == await id_of(bruno)


async def test_full_capacity_waits_and_resolving_gives_the_most_urgent_out(
    ana: Person, bruno: Person
) -> None:
    team = await make_team(ana, [bruno], capacity=1)
    (first,) = await open_in(ana, team)
    (normal,) = await open_in(ana, team)
    (urgent,) = await open_in(ana, team, priority="urgent")
    assert (normal["assignee_id"], urgent["assignee_id"]) == (None, None)

    await bruno.made(f"{TICKETS}/{first['id']}/resolve", None)

    assert await assignee(ana, urgent) == await id_of(bruno)
    assert await assignee(ana, normal) is None
    queue = await ana.seen(TICKETS, team_id=team["id"], unassigned=True)
    assert [ticket["id"] for ticket in queue] == [normal["id"]]


async def test_busy_and_away_get_nothing_until_available(ana: Person, bruno: Person) -> None:
    team = await make_team(ana, [bruno])
    waiting = []
    for availability in ("busy", "away"):
        await say(bruno, availability)
        waiting += await open_in(ana, team)
    assert [ticket["assignee_id"] for ticket in waiting] == [None, None]

    await say(bruno, "available")

    assert {await assignee(ana, ticket) for ticket in waiting} == {await id_of(bruno)}


async def test_who_comes_back_gets_one_more_not_all_that_was_missed(
    ana: Person, person: PersonOf
) -> None:
    crew = await make_crew(person, 2)
    team = await make_team(ana, crew)
    await say(crew[1], "busy")
    await open_in(ana, team, 4)
    await say(crew[1], "available")

    new = await open_in(ana, team, 4)

    first, second = [await id_of(one) for one in crew]
    assert [ticket["assignee_id"] for ticket in new] == [second, first, second, first]


async def test_absence_entered_beforehand_keeps_tickets_away(
    ana: Person, bruno: Person, records: Records
) -> None:
    team = await make_team(ana, [bruno])
    now = datetime.now(UTC)
    period = {
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    absence = await bruno.made(ABSENCES, period)
    (ticket,) = await open_in(ana, team)
    assert ticket["assignee_id"] is None
    listed = await ana.seen(ABSENCES, member_id=await id_of(bruno))
    assert [one["id"] for one in listed] == [absence["id"]]

    await bruno.delete(f"{ABSENCES}/{absence['id']}")

    assert await assignee(ana, ticket) == await id_of(bruno)
    assert (await records.audit("absence.deleted"))[0]["values"]["ends_at"]["to"] is None


async def test_skills_decide_who_can_get_it(
    ana: Person, person: PersonOf, records: Records
) -> None:
    plain, able = await make_crew(person, 2)
    team = await make_team(ana, [plain, able])
    await ana.made(RULES, {"tag": "libras", "skills": ["libras"]})
    (waits,) = await open_in(ana, team, tags=["libras"])
    (goes,) = await open_in(ana, team)
    assert (waits["assignee_id"], goes["assignee_id"]) == (None, await id_of(plain))

    path = f"/api/v1/attendants/{await id_of(able)}/skills"
    taught = await ana.call("PUT", path, json={"skills": ["libras", "iptu"]})

    assert taught.json()["data"]["skills"] == ["iptu", "libras"]
    assert await assignee(ana, waits) == await id_of(able)
    changed = (await records.audit("attendant.skills_changed"))[0]["values"]
    assert changed == {"skills": {"from": [], "to": ["iptu", "libras"]}}


async def test_skills_of_a_category_hold_for_those_below_it(ana: Person, person: PersonOf) -> None:
    plain, able = await make_crew(person, 2)
    team = await make_team(ana, [plain, able])
    top = await ana.made("/api/v1/categories", {"name": "Tributos"})
    below = await ana.made("/api/v1/categories", {"name": "IPTU", "parent_id": top["id"]})
    path = f"/api/v1/attendants/{await id_of(able)}/skills"
    await ana.call("PUT", path, json={"skills": ["tributos"]})
    await ana.made(RULES, {"category_id": top["id"], "skills": ["tributos"]})

    tickets = await open_in(ana, team, 2, category_id=below["id"])

    assert {ticket["assignee_id"] for ticket in tickets} == {await id_of(able)}


async def test_entering_another_team_leaves_who_is_not_in_it(ana: Person, person: PersonOf) -> None:
    one, two = await make_crew(person, 2)
    first = await make_team(ana, [one])
    second = await make_team(ana, [two], name="Obras")
    (ticket,) = await open_in(ana, first)
    path = f"{TICKETS}/{ticket['id']}"

    moved = (await ana.patch(path, {"team_id": second["id"]})).json()["data"]
    back = await ana.made(f"{path}/assign", {"team_id": first["id"]})

    assert (moved["team_id"], moved["assignee_id"]) == (second["id"], await id_of(two))
    assert (back["team_id"], back["assignee_id"]) == (first["id"], await id_of(one))


async def test_by_hand_only_members_of_the_team_and_beyond_capacity(
    ana: Person, bruno: Person
) -> None:
    team = await make_team(ana, [bruno], capacity=0)
    (ticket,) = await open_in(ana, team)
    path = f"{TICKETS}/{ticket['id']}/assign"

    outsider = await ana.post(path, {"assignee_id": await id_of(ana)})
    member = await ana.made(path, {"assignee_id": await id_of(bruno)})
    nothing = await ana.post(path, {})

    assert (outsider.status_code, outsider.json()["code"]) == (422, "NOT_IN_TEAM")
    assert member["assignee_id"] == await id_of(bruno)
    assert nothing.status_code == 422


async def test_reopened_without_anybody_it_is_given_out_again(ana: Person, bruno: Person) -> None:
    team = await make_team(ana)
    (ticket,) = await open_in(ana, team)
    path = f"{TICKETS}/{ticket['id']}"
    await ana.made(f"{path}/resolve", None)
    await join(ana, team, bruno)
    assert await assignee(ana, ticket) is None

    reopened = await ana.made(f"{path}/reopen", None)

    assert reopened["assignee_id"] == await id_of(bruno)


async def test_ticket_without_a_team_waits_for_people(ana: Person, bruno: Person) -> None:
    await make_team(ana, [bruno])

    ticket = await make_ticket(ana)

    assert (ticket["team_id"], ticket["assignee_id"]) == (None, None)


async def test_attendant_says_it_for_themselves_only(
    ana: Person, bruno: Person, vera: Person, beto: Person, records: Records
) -> None:
    await say(bruno, "busy")
    them = f"/api/v1/attendants/{await id_of(bruno)}"
    now = datetime.now(UTC)
    period = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(days=1)).isoformat()}
    of_ana = period | {"member_id": await id_of(ana)}

    answers = {
        "viewer": await vera.call("PUT", f"{ME}/availability", json={"availability": "away"}),
        "skills": await bruno.call("PUT", f"{them}/skills", json={"skills": ["x"]}),
        "absence": await bruno.post(ABSENCES, of_ana),
        "rule": await bruno.post(RULES, {"tag": "x", "skills": ["x"]}),
        "backwards": await bruno.post(
            ABSENCES, {"starts_at": period["ends_at"], "ends_at": period["starts_at"]}
        ),
        "elsewhere": await beto.get(them),
    }
    theirs = await ana.made(ABSENCES, period | {"member_id": await id_of(bruno)})

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "viewer": 403,
        "skills": 403,
        "absence": 403,
        "rule": 403,
        "backwards": 422,
        "elsewhere": 404,
    }
    assert theirs["created_by"] == await id_of(ana)
    said = (await records.audit("attendant.availability_changed"))[0]["values"]
    assert said == {"availability": {"from": "available", "to": "busy"}}
    assert (await beto.delete(f"{ABSENCES}/{theirs['id']}")).status_code == 404


@pytest.mark.parametrize("given", [{"skills": ["x"]}, {"tag": "x"}, {"tag": "x", "skills": []}])
async def test_malformed_rule_is_refused(given: dict[str, Any], ana: Person) -> None:
    assert (await ana.post(RULES, given)).status_code == 422


async def test_rule_is_there_once_changed_and_deleted(ana: Person, beto: Person) -> None:
    rule = await ana.made(RULES, {"tag": "Libras", "skills": ["libras"]})
    path = f"{RULES}/{rule['id']}"

    again = await ana.post(RULES, {"tag": "libras", "skills": ["x"]})
    changed = await ana.patch(path, {"skills": ["x"]}, headers={"if-match": '"1"'})
    foreign = await beto.patch(path, {"skills": ["y"]})
    deleted = await ana.delete(path)

    assert (again.status_code, again.json()["code"]) == (409, "SKILL_RULE_EXISTS")
    assert changed.json()["data"]["skills"] == ["x"]
    assert (foreign.status_code, deleted.status_code) == (404, 204)
    assert await ana.seen(RULES) == []


async def test_assignment_takes_a_fixed_number_of_queries(
    ana: Person, person: PersonOf, statements: list[str]
) -> None:
    crew = await make_crew(person, 4)
    team = await make_team(ana, crew)
    client = await make_client(ana)
    counts = []
    for _ in range(3):
        statements.clear()
        await open_in(ana, team, client_id=client["id"])
        counts.append(len(statements))

    assert len(set(counts[1:])) == 1
