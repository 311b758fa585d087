"""Many tickets and many changes at once: exact turns, nothing left lying, and no deadlock."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_factories import (
    INTERNAL_KEY,
    TICKETS,
    Person,
    PersonOf,
    make_client,
    make_ticket,
)
from core_api_records import Records
from core_api_teams import (
    SWEEP,
    TEAMS,
    assignee,
    at_once,
    id_of,
    join,
    make_crew,
    make_team,
    open_in,
    say,
)

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.clockwork import nobody
from core_api.modules.teams.repository import Teams
from core_api.modules.tickets.service import TicketService
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed

ORGANIZATION = OrganizationId(AURORA.id)


async def _opened(person: Person, team: dict[str, Any], count: int, **changes: Any) -> list[Any]:
    """Tickets that enter a team all at once."""
    client = await make_client(person)
    given = {"client_id": client["id"], "subject": "x", "description": "y", "team_id": team["id"]}
    answers = await at_once(person.post(TICKETS, given | changes) for _ in range(count))
    assert Counter(answer.status_code for answer in answers) == {201: count}
    return [answer.json()["data"] for answer in answers]


async def _of_team(person: Person, team: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await person.seen(TICKETS, team_id=team["id"], limit=100)
    return found


async def _sweep(http: httpx.AsyncClient) -> dict[str, int]:
    headers = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
    answer = await http.post(SWEEP, headers=headers)
    assert answer.status_code == 200, answer.text
    swept: dict[str, int] = answer.json()["data"]
    return swept


@pytest.mark.parametrize("mode", ["round_robin", "least_loaded"])
async def test_fifty_at_once_over_five_are_ten_each(
    mode: str, ana: Person, person: PersonOf, records: Records
) -> None:
    crew = await make_crew(person, 5)
    team = await make_team(ana, crew, mode=mode)

    tickets = await _opened(ana, team, 50)

    expected = {await id_of(one): 10 for one in crew}
    assert Counter(ticket["assignee_id"] for ticket in tickets) == expected
    assigned = await records.audit("ticket.assigned")
    assert Counter(row["subject_id"] for row in assigned) == {ticket["id"]: 1 for ticket in tickets}
    in_turn = [row["values"]["assignee_id"]["to"] for row in assigned]
    assert {len(set(in_turn[start : start + 5])) for start in range(0, 50, 5)} == {5}


@pytest.mark.parametrize("mode", ["round_robin", "least_loaded"])
async def test_fifty_that_enter_at_once_are_ten_each(
    mode: str, ana: Person, person: PersonOf, records: Records
) -> None:
    """Numbers queue up whoever opens tickets; here nothing does but the turns."""
    crew = await make_crew(person, 5)
    team = await make_team(ana, crew, mode=mode)
    client = await make_client(ana)
    tickets = await at_once(make_ticket(ana, client["id"]) for _ in range(50))

    answers = await at_once(
        ana.patch(f"{TICKETS}/{ticket['id']}", {"team_id": team["id"]}) for ticket in tickets
    )

    assert Counter(answer.status_code for answer in answers) == {200: 50}
    held = Counter(ticket["assignee_id"] for ticket in await _of_team(ana, team))
    assert held == {await id_of(one): 10 for one in crew}
    assigned = await records.audit("ticket.assigned")
    assert Counter(row["subject_id"] for row in assigned) == {ticket["id"]: 1 for ticket in tickets}


async def test_turns_survive_a_restart(ana: Person, person: PersonOf, app: Any) -> None:
    crew = await make_crew(person, 3)
    team = await make_team(ana, crew)
    await _opened(ana, team, 4)
    app.state.resources.on_authenticated.forget()  # nothing about turns lives in the process
    await app.state.resources.database.engines[0].dispose()

    (ticket,) = await open_in(ana, team)

    assert ticket["assignee_id"] == await id_of(crew[1])


async def test_capacity_holds_however_many_come_at_once(ana: Person, person: PersonOf) -> None:
    crew = await make_crew(person, 3)
    team = await make_team(ana, crew, capacity=4)

    await _opened(ana, team, 20)

    tickets = await _of_team(ana, team)
    counts = Counter(ticket["assignee_id"] for ticket in tickets)
    assert counts == {None: 8} | {await id_of(one): 4 for one in crew}


async def test_whatever_becomes_free_is_taken_at_once(ana: Person, person: PersonOf) -> None:
    crew = await make_crew(person, 3)
    team = await make_team(ana, crew, capacity=3)
    await _opened(ana, team, 20)
    held = [ticket for ticket in await _of_team(ana, team) if ticket["assignee_id"]]

    opening = asyncio.create_task(_opened(ana, team, 5))
    answers = await at_once(ana.post(f"{TICKETS}/{ticket['id']}/resolve") for ticket in held)
    await opening

    assert {answer.status_code for answer in answers} == {200}
    unfinished = [one for one in await _of_team(ana, team) if one["status"] != "resolved"]
    counts = Counter(ticket["assignee_id"] for ticket in unfinished)
    assert counts == {None: 16 - 9} | {await id_of(one): 3 for one in crew}


async def test_everything_at_once_without_a_deadlock(ana: Person, person: PersonOf) -> None:
    crew = await make_crew(person, 4)
    one = await make_team(ana, crew, capacity=5)
    two = await make_team(ana, crew, name="Obras", mode="least_loaded", capacity=5)
    tickets = await _opened(ana, one, 12) + await _opened(ana, two, 12)
    paths = [f"{TICKETS}/{ticket['id']}" for ticket in tickets]
    me = await id_of(crew[0])

    calls = (
        *(ana.patch(path, {"team_id": two["id"]}) for path in paths[:8]),
        *(ana.patch(path, {"team_id": one["id"]}) for path in paths[12:20]),
        *(ana.post(f"{path}/assign", {"assignee_id": None}) for path in paths[8:12]),
        *(ana.post(f"{path}/resolve") for path in paths[20:]),
        *(
            ana.call("PUT", f"{TEAMS}/{team['id']}/members/{me}", json={"capacity": 9})
            for team in (one, two)
        ),
        *(
            member.call("PUT", "/api/v1/me/availability", json={"availability": "busy"})
            for member in crew[2:]
        ),
        ana.patch(f"{TEAMS}/{one['id']}", {"mode": "least_loaded"}),
        ana.patch(f"{TEAMS}/{two['id']}", {"mode": "round_robin"}),
    )
    answers = await at_once(random.Random(8).sample(calls, len(calls)))

    assert {answer.status_code for answer in answers} == {200}
    for team in (one, two):
        held = Counter(ticket["assignee_id"] for ticket in await _of_team(ana, team))
        assert all(count <= 9 for who, count in held.items() if who is not None)


async def test_ticket_somebody_else_holds_is_left_for_later(
    ana: Person, bruno: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    team = await make_team(ana)
    (held,) = await open_in(ana, team)
    (free,) = await open_in(ana, team)
    transaction = superuser.transaction()
    await transaction.start()
    await superuser.execute("SELECT FROM crm.tickets WHERE id = $1 FOR UPDATE", held["id"])

    await join(ana, team, bruno)
    given = {ticket["id"]: ticket["assignee_id"] for ticket in await _of_team(ana, team)}
    await transaction.rollback()

    assert given == {held["id"]: None, free["id"]: await id_of(bruno)}
    async with database.transaction(ORGANIZATION) as session:
        queue = TicketService(session, nobody(ORGANIZATION, "test")).queue
        due = await Teams(session, ORGANIZATION).to_sweep(utc_now())
        assert await queue.settle(due) == 1


async def test_absence_beyond_the_limit_gives_tickets_back_once(
    ana: Person,
    person: PersonOf,
    records: Records,
    http: httpx.AsyncClient,
    superuser: asyncpg.Connection,
) -> None:
    gone, here = await make_crew(person, 2)
    team = await make_team(ana, [gone], absence_limit_minutes=60)
    tickets = await open_in(ana, team, 3)
    await ana.made(f"{TICKETS}/{tickets[2]['id']}/resolve", None)
    await join(ana, team, here, capacity=1)
    await say(gone, "away")
    assert await _sweep(http) == {"taken_back": 0, "assigned": 0, "failed": 0}
    await superuser.execute(
        "UPDATE crm.attendants SET availability_since = availability_since - $1::interval",
        timedelta(minutes=61),
    )

    both = await asyncio.gather(_sweep(http), _sweep(http))

    assert sum(swept["taken_back"] for swept in both) == 2
    found = {ticket["id"]: ticket["assignee_id"] for ticket in await _of_team(ana, team)}
    assert found[tickets[2]["id"]] == await id_of(gone)
    left = [found[ticket["id"]] for ticket in tickets[:2]]
    assert left == [await id_of(here), None]
    back = [row for row in await records.audit("ticket.assigned") if row["actor_id"] is None]
    assert [row["reason"] for row in back] == [*["auto: absence"] * 2, "auto: round robin"]
    events = await records.events("ticket.updated")
    assert [event["actor_id"] for event in events[-3:]] == [None] * 3


async def test_sweep_gives_out_when_an_absence_has_ended(
    ana: Person, bruno: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    team = await make_team(ana, [bruno])
    period = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z"}
    await bruno.made("/api/v1/absences", period)
    await open_in(ana, team, 2)
    assert (await _sweep(http))["assigned"] == 0
    await superuser.execute("UPDATE crm.absences SET ends_at = now()")

    swept = await _sweep(http)

    assert swept == {"taken_back": 0, "assigned": 2, "failed": 0}


async def test_sweep_sees_every_organization_and_only_its_own(
    ana: Person, beto: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    tickets = []
    for admin in (ana, beto):
        team = await make_team(admin, [admin], mode="manual")
        tickets += [(admin, *await open_in(admin, team))]
    await superuser.execute("UPDATE crm.teams SET mode = 'least_loaded'")

    assert (await _sweep(http))["assigned"] == 2

    for admin, ticket in tickets:
        assert await assignee(admin, ticket) == await id_of(admin)


async def test_sweep_takes_back_what_is_held_by_who_is_not_in_the_team(
    ana: Person, bruno: Person, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    team = await make_team(ana, [bruno])
    (ticket,) = await open_in(ana, team)
    await superuser.execute("DELETE FROM crm.team_members")

    assert await _sweep(http) == {"taken_back": 1, "assigned": 0, "failed": 0}
    assert await assignee(ana, ticket) is None
    assert await _sweep(http) == {"taken_back": 0, "assigned": 0, "failed": 0}


async def test_sweep_is_for_services_only(http: httpx.AsyncClient, ana: Person) -> None:
    assert (await http.post(SWEEP)).status_code == 401
    assert (await ana.post(SWEEP)).status_code == 401


async def test_queue_longer_than_a_look_is_swept_whole(
    ana: Person, person: PersonOf, http: httpx.AsyncClient, superuser: asyncpg.Connection
) -> None:
    _, plain = await make_crew(person, 2)
    team = await make_team(ana)
    await ana.made("/api/v1/skill-rules", {"tag": "libras", "skills": ["libras"]})
    (first,) = await open_in(ana, team, tags=["libras"])
    await superuser.execute(
        """
        INSERT INTO crm.tickets (id, organization_id, number, client_id, subject, description,
          priority, channel, status, tags, created_by, team_id)
        SELECT gen_random_uuid(), organization_id, number + n, client_id, subject, description,
          priority, channel, status, tags, created_by, team_id
        FROM crm.tickets, generate_series(1, 620) AS n WHERE id = $1
        """,
        first["id"],
    )
    await superuser.execute(
        "UPDATE crm.tickets SET tags = '{}', created_at = now() WHERE number = 621"
    )
    await join(ana, team, plain)
    counted = "SELECT count(*) FROM crm.tickets WHERE assignee_id IS NOT NULL"
    assert await superuser.fetchval(counted) == 0

    assert (await _sweep(http))["assigned"] == 1
    assert await superuser.fetchval(counted) == 1
