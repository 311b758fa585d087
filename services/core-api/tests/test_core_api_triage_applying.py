"""Triage that takes effect by itself: as far as wanted, once, never over a person's decision."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from core_api_accountability import hear_triage, propose
from core_api_factories import CLIENTS, INTERNAL_KEY, TICKETS, Person, make_client, make_ticket
from core_api_records import Records
from core_api_teams import id_of, make_team

from chassis.data.database import Database
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.triage import Standing, TriageTaken

SETTINGS = "/api/v1/triage-settings"
TENANT = OrganizationId(AURORA.id)
CALLER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


@pytest.fixture
async def applying(ana: Person) -> str:
    """A category; from .8 on triage is applied."""
    answer = await ana.patch(SETTINGS, {"mode": "apply", "least_confidence": 0.8})
    assert answer.status_code == 200, answer.text
    return str((await ana.made("/api/v1/categories", {"name": "Certidões"}))["id"])


async def proposed(
    database: Database, ticket: dict[str, Any], category_id: str, **said: Any
) -> TriageTaken:
    given = {"category_id": category_id, "category_confidence": 0.85}
    return await propose(database, TENANT, ticket["id"], **(given | said))


async def ticket_now(ana: Person, ticket: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = await ana.seen(f"{TICKETS}/{ticket['id']}")
    return read


async def test_what_is_certain_takes_effect_and_is_a_decision(
    ana: Person, database: Database, records: Records, applying: str
) -> None:
    ticket = await make_ticket(ana)
    team = await make_team(ana)

    taken = await proposed(
        database, ticket, applying, team_id=team["id"], team_confidence=0.5, inputs=("subject",)
    )

    now = await ticket_now(ana, ticket)
    assert (now["category_id"], now["priority"], now["team_id"]) == (applying, "high", None)
    triage = await ana.seen(f"{TICKETS}/{ticket['id']}/triage")
    assert (triage["status"], triage["applied"]) == ("applied", ["category", "priority"])
    (changed,) = await records.audit("ticket.updated")
    assert (changed["actor_id"], changed["reason"]) == (None, "triagem automática da assistente")
    (decision,) = await ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])
    assert decision["applied"] is True
    assert decision["outcome"] == {
        "priority": "high",
        "category_id": applying,
        "team_id": team["id"],
    }
    assert taken.decided is not None
    assert (taken.decided.applied, taken.decided.confidence) == (True, 0.5)
    (event,) = await records.events("ticket.updated")
    assert event["payload"]["changed"] == ["category_id", "priority"]


async def test_the_event_that_follows_enters_no_second_decision_and_a_person_may_review(
    ana: Person, bruno: Person, database: Database, applying: str
) -> None:
    ticket = await make_ticket(ana)
    taken = await proposed(database, ticket, applying)
    assert taken.decided is not None

    await hear_triage(
        database, TENANT, ticket["id"], decision_id=taken.decided.decision_id, applied=True
    )

    (decision,) = await ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])
    review = await bruno.made(
        f"/api/v1/automated-decisions/{decision['id']}/reviews", {"channel": "phone"}
    )
    assert review["status"] == "open"


@pytest.mark.parametrize(
    ("opened", "changed", "kept"),
    [
        ({}, {"priority": "low"}, ["priority"]),
        ({"priority": "urgent"}, None, ["priority"]),
        ({"own_category": True}, None, ["category"]),
        ({}, {"own_category": True}, ["category"]),
        # Looked at and put back: nothing is as it was by accident.
        ({}, {"priority": "low", "back": True}, ["priority"]),
        ({}, {"own_category": True, "back": True}, ["category"]),
    ],
)
async def test_what_a_person_decided_stays(
    ana: Person,
    bruno: Person,
    database: Database,
    applying: str,
    opened: dict[str, Any],
    changed: dict[str, Any] | None,
    kept: list[str],
) -> None:
    other = str((await ana.made("/api/v1/categories", {"name": "Obras"}))["id"])

    def fields(given: dict[str, Any]) -> dict[str, Any]:
        named = {"category_id": other} if given.get("own_category") else {}
        return {key: given[key] for key in ("priority",) if key in given} | named

    ticket = await make_ticket(ana, **fields(opened))
    path = f"{TICKETS}/{ticket['id']}"
    if changed is not None:
        assert (await bruno.patch(path, fields(changed))).status_code == 200
    if changed is not None and changed.get("back"):
        untouched = {"priority": "normal", "category_id": None}
        assert (await bruno.patch(path, untouched)).status_code == 200
    before = await ticket_now(ana, ticket)

    await proposed(database, ticket, applying)

    now = await ticket_now(ana, ticket)
    triage = await ana.seen(f"{path}/triage")
    assert triage["kept"] == kept
    column = {"priority": "priority", "category": "category_id"}[kept[0]]
    assert now[column] == before[column]
    assert len(triage["applied"]) == 1


async def test_a_team_is_not_chosen_over_a_person_who_took_the_ticket(
    ana: Person, bruno: Person, database: Database, applying: str
) -> None:
    team = await make_team(ana)
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"
    await bruno.made(f"{path}/assign", {"assignee_id": await id_of(bruno)})

    await proposed(database, ticket, applying, team_id=team["id"], team_confidence=0.9)

    now = await ticket_now(ana, ticket)
    assert (now["team_id"], now["assignee_id"]) == (None, await id_of(bruno))
    assert (await ana.seen(f"{path}/triage"))["kept"] == ["team"]


async def test_only_proposing_and_too_little_confidence_change_nothing(
    ana: Person, database: Database, applying: str
) -> None:
    unsure = await make_ticket(ana)
    await proposed(database, unsure, applying, category_confidence=0.79, priority_confidence=0.2)
    await ana.patch(SETTINGS, {"mode": "propose"})
    modest = await make_ticket(ana)
    await proposed(database, modest, applying)

    for ticket in (unsure, modest):
        assert (await ticket_now(ana, ticket))["version"] == ticket["version"]
        assert (await ana.seen(f"{TICKETS}/{ticket['id']}/triage"))["status"] == "proposed"


async def test_told_again_nothing_happens_and_the_first_one_stands(
    ana: Person, database: Database, applying: str, records: Records
) -> None:
    ticket = await make_ticket(ana)
    decision_id = new_id()
    first = await proposed(database, ticket, applying, decision_id=decision_id)
    await ana.patch(f"{TICKETS}/{ticket['id']}", {"priority": "low"})

    again = await proposed(database, ticket, applying, decision_id=decision_id)
    another = await proposed(database, ticket, applying, priority="urgent")

    assert first == again == another
    assert (await ticket_now(ana, ticket))["priority"] == "low"
    assert len(await ana.seen("/api/v1/automated-decisions", ticket_id=ticket["id"])) == 1
    assert len(await records.audit("ticket_triage.applied")) == 1


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("off", Standing.OFF),
        ("blocked", Standing.BLOCKED),
        ("resolved", Standing.DONE),
        ("deleted", Standing.GONE),
        ("merged", Standing.GONE),
    ],
)
async def test_what_is_not_to_be_triaged_is_neither_read_nor_kept(
    ana: Person, davi: Person, database: Database, applying: str, standing: str, expected: Standing
) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    path = f"{TICKETS}/{ticket['id']}"
    match standing:
        case "off":
            await ana.patch(SETTINGS, {"mode": "off"})
        case "blocked":
            await davi.made(f"{CLIENTS}/{client['id']}/processing-blocks", {"reason": "Pedido"})
        case "resolved":
            await ana.made(f"{path}/resolve", {})
        case "deleted":
            await ana.delete(f"{CLIENTS}/{client['id']}")
        case "merged":
            other = await make_ticket(ana, client["id"])
            await ana.made(f"{path}/merge", {"into_ticket_id": other["id"]})

    read = await asked(ana, ticket)
    taken = await proposed(database, ticket, applying)

    assert read == {**read, "standing": expected.value, "ticket": None, "history": []}
    assert taken == TriageTaken(standing=expected)
    assert (await ana.get(f"{path}/triage")).status_code == 404


async def asked(ana: Person, ticket: dict[str, Any], **params: Any) -> dict[str, Any]:
    wanted = {"organization_id": str(AURORA.id), **params}
    path = f"/internal/v1/triage/tickets/{ticket['id']}"
    answer = await ana.http.get(path, headers=CALLER, params=wanted)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_the_assistant_reads_what_people_sorted(
    ana: Person, database: Database, applying: str
) -> None:
    team = await make_team(ana)
    below = await ana.made("/api/v1/categories", {"name": "Óbito", "parent_id": applying})
    client = await make_client(ana)
    sorted_one = await make_ticket(ana, category_id=below["id"], team_id=team["id"])
    by_itself = await make_ticket(ana)
    await proposed(database, by_itself, applying)
    earlier = await make_ticket(ana, client["id"])
    ticket = await make_ticket(ana, client["id"], subject="Outra via")

    read = await asked(ana, ticket)

    assert read["standing"] == "wanted"
    assert read["ticket"]["subject"] == "Outra via"
    assert {each["name"] for each in read["categories"]} == {"Certidões", "Certidões > Óbito"}
    assert [each["client_id"] for each in read["history"]] == [sorted_one["client_id"]]
    assert read["routed"] == [{"category_id": below["id"], "team_id": team["id"], "tickets": 1}]
    assert [each["id"] for each in read["recent"]] == [earlier["id"]]


async def test_only_services_read_and_propose(ana: Person, http: httpx.AsyncClient) -> None:
    ticket = await make_ticket(ana)
    path = f"/internal/v1/triage/tickets/{ticket['id']}?organization_id={AURORA.id}"

    for answer in (
        await ana.get(path),
        await ana.post("/internal/v1/triage/proposals", {}),
        await http.get(path),
    ):
        assert answer.status_code == 401
    wrong = await http.post(
        "/internal/v1/triage/proposals",
        headers=CALLER,
        json={"organization_id": str(AURORA.id), "ticket_id": ticket["id"], "draft": "a\u0000b"},
    )
    assert wrong.status_code == 422


@pytest.mark.committed
async def test_two_replicas_propose_one_and_a_person_changes_the_ticket_meanwhile(
    ana: Person, bruno: Person, database: Database, applying: str, superuser: asyncpg.Connection
) -> None:
    for _ in range(5):
        ticket = await make_ticket(ana)
        path = f"{TICKETS}/{ticket['id']}"
        decision_id = new_id()

        first, second, third, changed = await asyncio.gather(
            proposed(database, ticket, applying, decision_id=decision_id),
            proposed(database, ticket, applying, decision_id=decision_id),
            proposed(database, ticket, applying),
            bruno.patch(path, {"priority": "low"}),
        )

        assert changed.status_code == 200, changed.text
        assert first == second == third
        assert (await ticket_now(ana, ticket))["priority"] == "low"
        rows = await superuser.fetch(
            "SELECT applied FROM crm.ticket_triages WHERE ticket_id = $1", UUID(ticket["id"])
        )
        assert len(rows) == 1
        assert "category" in rows[0]["applied"]
