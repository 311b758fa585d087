"""Another organization's things are answered exactly like things that do not exist."""

import asyncio
import random
from typing import Any

import httpx
import pytest
from core_api_factories import (
    CLIENTS,
    PURPOSES,
    TICKETS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
    without_request_id,
)

from chassis.data.database import Database
from core_api.modules.clients.repository import Clients
from devstack.people import AURORA, BOREAL, PEOPLE
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed


async def test_guessed_ids_are_answered_like_unknown_ones(ana: Person, beto: Person) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    await make_purpose(ana)
    consent = await make_consent(ana, client["id"])
    await make_purpose(beto)
    decision = {
        "purpose_code": "novidades",
        "decision": "granted",
        "channel": "web",
        "notice_version": 1,
    }
    message = {"kind": "note", "body": "x"}
    calls: list[tuple[str, str, str, Any]] = [
        ("GET", CLIENTS + "/{}", client["id"], None),
        ("PATCH", CLIENTS + "/{}", client["id"], {"name": "X"}),
        ("DELETE", CLIENTS + "/{}", client["id"], None),
        ("GET", CLIENTS + "/{}/consents", client["id"], None),
        ("POST", CLIENTS + "/{}/consents", client["id"], decision),
        ("GET", TICKETS + "/{}", ticket["id"], None),
        ("PATCH", TICKETS + "/{}", ticket["id"], {"subject": "X"}),
        ("POST", TICKETS + "/{}/assign", ticket["id"], {"assignee_id": None}),
        *(
            ("POST", TICKETS + "/{}/" + move, ticket["id"], {})
            for move in ("pend", "hold", "resolve", "close", "reopen")
        ),
        ("POST", TICKETS + "/{}/messages", ticket["id"], message),
        ("GET", TICKETS + "/{}/messages", ticket["id"], None),
        ("GET", "/api/v1/consents/{}", consent["id"], None),
        ("POST", "/api/v1/consents/{}/revoke", consent["id"], {}),
    ]

    for method, path, theirs, body in calls:
        guessed = await beto.call(method, path.format(theirs), json=body)
        unknown = await beto.call(method, path.format(new_id()), json=body)
        assert guessed.status_code == unknown.status_code == 404, (method, path)
        assert without_request_id(guessed) == without_request_id(unknown), (method, path)
    given = {"client_id": client["id"], "subject": "x", "description": "y"}
    refused = await beto.post(TICKETS, given)
    unknown = await beto.post(TICKETS, given | {"client_id": str(new_id())})
    assert (refused.status_code, without_request_id(refused)) == (404, without_request_id(unknown))
    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == ticket


async def test_lists_and_searches_show_ones_own_only(ana: Person, beto: Person) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    await make_purpose(ana)
    paths: list[tuple[str, dict[str, Any]]] = [
        (CLIENTS, {}),
        (CLIENTS, {"page": 1}),
        (f"{CLIENTS}/search", {"q": "Júlia"}),
        (TICKETS, {}),
        (TICKETS, {"client_id": client["id"]}),
        (f"{TICKETS}/search", {"q": "certidão"}),
        (f"{TICKETS}/search", {"q": str(ticket["number"])}),
        (PURPOSES, {}),
    ]

    for path, params in paths:
        assert await beto.seen(path, **params) == [], path
        assert await ana.seen(path, **params) != [], path
    members = await beto.seen("/api/v1/members")
    assert [member["name"] for member in members] == [PEOPLE["beto"].name]
    events = await beto.seen("/api/v1/audit-events")
    assert {event["action"] for event in events} == {
        "organization.provisioned",
        "member.provisioned",
    }


async def test_cursor_of_another_organization_leads_nowhere(ana: Person, beto: Person) -> None:
    for name in ("Ana", "Bia", "Caio"):
        await make_client(ana, name=name)
    first = await ana.get(CLIENTS, params={"sort": "name", "limit": 1})
    cursor = first.json()["meta"]["next_cursor"]
    await make_client(beto, name="Zeca")

    assert await beto.seen(CLIENTS, sort="name", cursor=cursor) == []


async def test_ticket_numbers_are_counted_per_organization(ana: Person, beto: Person) -> None:
    await make_ticket(ana)

    assert (await make_ticket(beto))["number"] == 1
    assert (await make_ticket(ana))["number"] == 2


async def test_interleaved_tenants_never_see_each_other(
    ana: Person, beto: Person, database: Database
) -> None:
    """200 tasks of two tenants over one pool, some failing, some cancelled in the middle."""
    ids = {
        AURORA.id: {(await make_client(ana))["id"] for _ in range(3)},
        BOREAL.id: {(await make_client(beto))["id"] for _ in range(3)},
    }
    source = random.Random(7)
    people = {AURORA.id: ana, BOREAL.id: beto}

    async def look(tenant: Any) -> None:
        kind = source.randrange(4)
        if kind == 0:
            seen = await people[tenant].seen(CLIENTS)
            assert {client["id"] for client in seen} == ids[tenant]
        elif kind == 1:
            async with database.transaction(OrganizationId(tenant)) as session:
                await Clients(session, OrganizationId(tenant)).require(new_id(), lock=True)
        elif kind == 2:
            answer = await people[tenant].post(CLIENTS, {"name": ""})
            assert answer.status_code == 422
        else:
            async with asyncio.timeout(source.random() / 200):
                await people[tenant].get(CLIENTS)

    tenants = [source.choice((AURORA.id, BOREAL.id)) for _ in range(200)]
    results = await asyncio.gather(*(look(tenant) for tenant in tenants), return_exceptions=True)

    leaks = [result for result in results if isinstance(result, AssertionError)]
    assert leaks == []
    for tenant, person in people.items():
        assert {client["id"] for client in await person.seen(CLIENTS)} == ids[tenant]


async def test_stranger_is_refused_everywhere(http: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", CLIENTS),
        ("POST", CLIENTS),
        ("GET", f"{TICKETS}/{new_id()}"),
        ("GET", "/api/v1/me"),
        ("POST", "/internal/v1/maintenance/prune"),
    ):
        answer = await http.request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
