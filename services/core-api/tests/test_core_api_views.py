"""Saved views: the same filter as the list of tickets, executed and counted for whoever looks."""

from typing import Any
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    make_client,
    make_ticket,
    without_request_id,
)
from core_api_records import Records
from core_api_teams import id_of, make_team, open_in
from fastapi import FastAPI

from core_api.modules.tickets.filters import TicketFilter
from core_api.modules.tickets.listing import TicketQuery
from core_api.modules.tickets.repository import COUNTED_AT_MOST
from core_api.modules.views.schemas import ViewFilter
from shared_schemas.ids import new_id

VIEWS = "/api/v1/views"


async def make_view(person: Person, **changes: Any) -> dict[str, Any]:
    """One's own view of open tickets."""
    given = {"name": "Abertos", "filter": {"status": ["open"]}}
    return await person.made(VIEWS, given | changes)


async def _shown(person: Person, view: dict[str, Any], **params: Any) -> list[str]:
    found = await person.seen(f"{VIEWS}/{view['id']}/tickets", **params)
    return [ticket["id"] for ticket in found]


def test_filter_is_that_of_the_list(app: FastAPI) -> None:
    listed = app.openapi()["paths"]["/api/v1/tickets"]["get"]["parameters"]
    paging = {"limit", "cursor", "page", "per_page", "sort"}

    names = {parameter["name"] for parameter in listed if parameter["in"] == "query"} - paging

    assert names == set(TicketQuery.model_fields)
    assert set(ViewFilter.model_fields) == names | {"mine"}
    assert ViewFilter().wanted(new_id()) == TicketFilter()


async def test_view_shows_what_the_list_would(ana: Person) -> None:
    client = await make_client(ana)
    urgent = await make_ticket(ana, client["id"], priority="urgent", tags=["iptu"])
    await make_ticket(ana, client["id"], priority="urgent")
    await make_ticket(ana, client["id"], tags=["iptu"])
    wanted = {"priority": ["urgent"], "tag": "IPTU", "client_id": client["id"]}

    view = await make_view(ana, filter=wanted, columns=["number", "subject"], sort="number")

    assert view["filter"] == wanted | {"tag": "iptu"}
    assert (view["columns"], view["sort"]) == (["number", "subject"], "number")
    assert await _shown(ana, view) == [urgent["id"]]
    assert await ana.seen(TICKETS, **wanted) == await ana.seen(f"{VIEWS}/{view['id']}/tickets")


async def test_view_is_paged_in_its_order(ana: Person) -> None:
    client = await make_client(ana)
    tickets = [await make_ticket(ana, client["id"]) for _ in range(5)]
    view = await make_view(ana, filter={"status": ["new"]}, sort="number")
    path = f"{VIEWS}/{view['id']}/tickets"

    seen, cursor = [], None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await ana.get(path, params=params)).json()
        seen += [ticket["id"] for ticket in answer["data"]]
        cursor = answer["meta"]["next_cursor"]
        if cursor is None:
            break

    assert seen == [ticket["id"] for ticket in tickets]
    numbered = (await ana.get(path, params={"page": 2, "per_page": 2})).json()
    assert (numbered["meta"]["total"], len(numbered["data"])) == (5, 2)


async def test_mine_is_of_whoever_looks(ana: Person, bruno: Person) -> None:
    team = await make_team(ana, [ana, bruno])
    of_ana, of_bruno = await open_in(ana, team, 2)
    view = await make_view(ana, name="Minha fila", filter={"mine": True}, shared=True)

    assert await _shown(ana, view) == [of_ana["id"]]
    assert await _shown(bruno, view) == [of_bruno["id"]]


async def test_everybody_sees_shared_views_and_their_own(
    ana: Person, bruno: Person, vera: Person
) -> None:
    shared = await make_view(ana, name="Todos", shared=True, position=2)
    own = await make_view(bruno, position=1)
    await make_view(vera)

    listed = await bruno.seen(VIEWS)

    assert [(view["id"], view["shared"]) for view in listed] == [
        (own["id"], False),
        (shared["id"], True),
    ]
    for person, code in ((ana, 404), (vera, 404), (bruno, 200)):
        assert (await person.get(f"{VIEWS}/{own['id']}")).status_code == code
        assert (await person.get(f"{VIEWS}/{own['id']}/tickets")).status_code == code


async def test_shared_views_are_for_who_configures_the_desk(ana: Person, bruno: Person) -> None:
    view = await make_view(ana, shared=True)
    path = f"{VIEWS}/{view['id']}"

    answers = [
        await bruno.post(VIEWS, {"name": "x", "filter": {}, "shared": True}),
        await bruno.patch(path, {"name": "x"}),
        await bruno.delete(path),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (403, "SHARED_VIEW_FORBIDDEN")
    }
    assert (await ana.seen(path))["name"] == "Abertos"


async def test_default_is_ones_own_choice(ana: Person, bruno: Person, records: Records) -> None:
    first = await make_view(ana, shared=True)
    second = await make_view(ana, name="Outra", shared=True)

    for view in (first, second):
        chosen = await bruno.call("PUT", f"{VIEWS}/default", json={"view_id": view["id"]})
        assert chosen.status_code == 204

    assert [view["is_default"] for view in await bruno.seen(VIEWS)] == [False, True]
    assert [view["is_default"] for view in await ana.seen(VIEWS)] == [False, False]
    changed = [row["values"]["default_view_id"] for row in await records.audit(_CHOSEN)]
    assert changed[1] == {"from": first["id"], "to": second["id"]}
    await ana.delete(f"{VIEWS}/{second['id']}")
    assert [view["is_default"] for view in await bruno.seen(VIEWS)] == [False]
    none = await bruno.call("PUT", f"{VIEWS}/default", json={"view_id": str(new_id())})
    assert none.status_code == 404


_CHOSEN = "member.default_view_changed"


async def test_change_and_deletion_are_noted_from_what_to_what(
    ana: Person, records: Records
) -> None:
    view = await make_view(ana)
    path = f"{VIEWS}/{view['id']}"

    changed = await ana.patch(path, {"filter": {}, "position": 3}, headers={"if-match": '"1"'})
    stale = await ana.patch(path, {"position": 4}, headers={"if-match": '"1"'})
    gone = await ana.delete(path, headers={"if-match": '"2"'})

    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (stale.status_code, gone.status_code) == (412, 204)
    assert (await records.audit("view.updated"))[0]["values"] == {
        "filter": {"from": {"status": ["open"]}, "to": {}},
        "position": {"from": 0, "to": 3},
    }
    assert (await records.audit("view.deleted"))[0]["values"]["name"]["from"] == "Abertos"


async def test_name_is_there_once_per_person(ana: Person, bruno: Person) -> None:
    await make_view(ana)
    await make_view(bruno)
    await make_view(ana, shared=True)

    again = await ana.post(VIEWS, {"name": "Abertos", "filter": {}})
    shared = await ana.post(VIEWS, {"name": "Abertos", "filter": {}, "shared": True})

    assert again.json()["code"] == shared.json()["code"] == "VIEW_NAME_TAKEN"


@pytest.mark.parametrize(
    "wrong",
    [
        {"filter": {"status": ["unknown"]}},
        {"filter": {"colour": "red"}},
        {"filter": {"mine": True, "unassigned": True}},
        {"filter": {"custom": ["without a colon"]}},
        {"sort": "subject"},
        {"columns": ["number", "password"]},
        {"columns": []},
        {"position": -1},
    ],
)
async def test_what_the_list_does_not_know_is_refused(wrong: dict[str, Any], ana: Person) -> None:
    answer = await ana.post(VIEWS, {"name": "x", "filter": {}} | wrong)

    assert answer.status_code == 422
    (field,) = wrong
    assert answer.json()["details"][0]["field"].startswith(f"body.{field}")


@pytest.mark.parametrize(
    "name", ["client_id", "assignee_id", "team_id", "category_id", "merged_into_id"]
)
async def test_what_a_view_names_has_to_exist(name: str, ana: Person, beto: Person) -> None:
    theirs = {
        "client_id": (await make_client(beto))["id"],
        "assignee_id": await id_of(beto),
        "team_id": (await make_team(beto))["id"],
        "category_id": (await beto.made("/api/v1/categories", {"name": "x"}))["id"],
        "merged_into_id": (await make_ticket(beto))["id"],
    }

    foreign = await ana.post(VIEWS, {"name": "x", "filter": {name: theirs[name]}})
    unknown = await ana.post(VIEWS, {"name": "x", "filter": {name: str(new_id())}})

    assert foreign.status_code == unknown.status_code == 404
    assert without_request_id(foreign) == without_request_id(unknown)


async def test_view_of_another_organization_is_not_there(ana: Person, beto: Person) -> None:
    view = await make_view(ana, shared=True)
    await make_ticket(beto)
    path, unknown = f"{VIEWS}/{view['id']}", f"{VIEWS}/{new_id()}"

    for method, tail, body in (
        ("GET", "", None),
        ("GET", "/tickets", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
    ):
        theirs = await beto.call(method, path + tail, json=body)
        nobodys = await beto.call(method, unknown + tail, json=body)
        assert theirs.status_code == nobodys.status_code == 404
        assert without_request_id(theirs) == without_request_id(nobodys)
    assert await beto.seen(VIEWS) == []
    assert await beto.seen(f"{VIEWS}/counts") == []


@pytest.mark.committed
async def test_view_that_became_invalid_says_so(ana: Person, superuser: asyncpg.Connection) -> None:
    view = await make_view(ana)
    await superuser.execute(
        """UPDATE crm.saved_views SET filter = '{"status": ["lost"], "colour": "red"}',
           columns = '{number,colour}' WHERE id = $1""",
        UUID(view["id"]),
    )

    answer = await ana.get(f"{VIEWS}/{view['id']}/tickets")

    assert (answer.status_code, answer.json()["code"]) == (409, "VIEW_OUTDATED")
    problems = ["filter.status.0", "filter.colour", "columns.colour"]
    assert [detail["message"] for detail in answer.json()["details"]] == problems
    assert (await ana.seen(f"{VIEWS}/{view['id']}"))["problems"] == problems
    (count,) = await ana.seen(f"{VIEWS}/counts")
    assert count["count"] is None


async def test_counts_are_one_statement_and_those_of_the_lists(
    ana: Person, bruno: Person, statements: list[str]
) -> None:
    team = await make_team(ana, [ana, bruno])
    client = await make_client(ana)
    await open_in(ana, team, 3, client_id=client["id"], tags=["iptu"])
    category = await ana.made("/api/v1/categories", {"name": "Certidões"})
    await make_ticket(ana, priority="urgent", tags=["iptu"], category_id=category["id"])
    filters: list[dict[str, Any]] = [
        {},
        {"status": ["open"]},
        {"status": ["new", "open"], "mine": True},
        {"unassigned": True},
        {"status": ["new"], "unassigned": True},
        {"team_id": team["id"], "status": ["open"]},
        {"client_id": client["id"], "tag": "iptu"},
        {"tag": "iptu"},
        {"priority": ["urgent"], "channel": "web"},
        {"status": ["closed"]},
        {"category_id": category["id"]},
        {"category_id": category["id"], "status": ["open"]},
        {"watcher_id": await id_of(ana)},
        {"created_since": "2020-01-01T00:00:00Z", "priority": ["urgent"]},
    ]
    for number, wanted in enumerate(filters):
        view = await make_view(ana, name=str(number), filter=wanted, position=number)
        filters[number] = view
    statements.clear()

    counts = await ana.seen(f"{VIEWS}/counts")

    assert len(statements) == 3  # the views, who answers for their clients, and all the numbers
    assert [one["view_id"] for one in counts] == [view["id"] for view in filters]
    assert {one["exact"] for one in counts} == {True}
    assert [one["count"] for one in counts] == [
        len(await _shown(ana, view, limit=100)) for view in filters
    ]


async def test_view_of_a_merged_client_counts_those_of_who_answers_for_it(ana: Person) -> None:
    survivor, merged = await make_client(ana), await make_client(ana, name="Julia Prado")
    await make_ticket(ana, merged["id"])
    await make_ticket(ana, survivor["id"])
    await make_view(ana, name="antes", filter={"client_id": merged["id"]})
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": merged["id"]})
    after = await make_view(ana, name="depois", filter={"client_id": merged["id"]}, position=1)

    counts = await ana.seen(f"{VIEWS}/counts")

    assert [one["count"] for one in counts] == [2, 2]
    assert len(await _shown(ana, after)) == 2


@pytest.mark.committed
async def test_counting_stops(ana: Person, superuser: asyncpg.Connection) -> None:
    ticket = await make_ticket(ana)
    await superuser.execute(
        """
        INSERT INTO crm.tickets (id, organization_id, number, client_id, subject, description,
          priority, channel, status, tags, created_by)
        SELECT gen_random_uuid(), organization_id, number + n, client_id, subject, description,
          priority, channel, status, tags, created_by
        FROM crm.tickets, generate_series(1, $2::int) AS n WHERE id = $1
        """,
        UUID(ticket["id"]),
        COUNTED_AT_MOST,
    )
    await make_view(ana, filter={})

    (count,) = await ana.seen(f"{VIEWS}/counts")

    assert (count["count"], count["exact"]) == (COUNTED_AT_MOST, False)


async def test_lists_take_a_fixed_number_of_queries(ana: Person, statements: list[str]) -> None:
    view = await make_view(ana, filter={})
    counts = []
    for name in ("b", "c"):
        statements.clear()
        for path in (VIEWS, f"{VIEWS}/{view['id']}/tickets"):
            await ana.seen(path)
        counts.append(len(statements))
        await make_view(ana, name=name)
        await make_ticket(ana)

    assert counts == [3, 3]
