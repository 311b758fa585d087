"""What tickets are about, and finding them by it: categories, custom fields, times."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from core_api_factories import TICKETS, Person, make_client, make_ticket

from chassis.data.database import Database
from core_api.modules.tickets.models import Ticket
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

CATEGORIES = "/api/v1/categories"


async def _category(person: Person, name: str, parent: Any = None) -> dict[str, Any]:
    parent_id = parent["id"] if parent else None
    return await person.made(CATEGORIES, {"name": name, "parent_id": parent_id})


async def _field(person: Person, **changes: Any) -> None:
    given = {"entity": "ticket", "key": "setor", "label": "Setor", "type": "text"}
    await person.made("/api/v1/custom-fields", given | changes)


async def _found(person: Person, **params: Any) -> list[int]:
    return sorted(ticket["number"] for ticket in await person.seen(TICKETS, **params))


async def test_category_finds_what_is_below_it_wherever_it_moves(ana: Person) -> None:
    papers, streets = await _category(ana, "Certidões"), await _category(ana, "Vias")
    copies = await _category(ana, "Segunda via", papers)
    client = (await make_client(ana))["id"]
    for category in (papers, copies, streets, None):
        await make_ticket(ana, client, category_id=category["id"] if category else None)

    assert await _found(ana, category_id=papers["id"]) == [1, 2]
    assert await _found(ana, category_id=copies["id"]) == [2]
    assert await _found(ana, category_id=str(new_id())) == []
    await ana.patch(f"{CATEGORIES}/{copies['id']}", {"parent_id": streets["id"]})
    assert await _found(ana, category_id=papers["id"]) == [1]
    assert await _found(ana, category_id=streets["id"], sort="-number") == [2, 3]
    await ana.made(f"{CATEGORIES}/{streets['id']}/archive", None)
    assert await _found(ana, category_id=streets["id"]) == [2, 3]


async def test_ticket_gets_a_category_that_is_there_and_in_use(ana: Person, beto: Person) -> None:
    theirs, mine = await _category(beto, "Deles"), await _category(ana, "Minha")
    ticket = await make_ticket(ana, category_id=mine["id"])
    path = f"{TICKETS}/{ticket['id']}"
    await ana.made(f"{CATEGORIES}/{mine['id']}/archive", None)

    async def refused(category_id: str | None) -> tuple[int, str]:
        body = {"client_id": ticket["client_id"], "subject": "x", "description": "y"}
        answers = [
            await ana.post(TICKETS, body | {"category_id": category_id}),
            await ana.patch(f"{TICKETS}/{other['id']}", {"category_id": category_id}),
        ]
        (found,) = {(answer.status_code, answer.json()["code"]) for answer in answers}
        return found

    other = await make_ticket(ana, ticket["client_id"])
    assert await refused(theirs["id"]) == (404, "CATEGORY_NOT_FOUND")
    assert await refused(str(new_id())) == (404, "CATEGORY_NOT_FOUND")
    assert await refused(mine["id"]) == (409, "CATEGORY_ARCHIVED")
    kept = await ana.patch(path, {"category_id": mine["id"], "priority": "high"})
    none = await ana.patch(path, {"category_id": None})
    assert (kept.status_code, none.json()["data"]["category_id"]) == (200, None)


async def test_custom_fields_are_held_to_their_definition(ana: Person) -> None:
    await _field(ana, required=True)
    await _field(ana, key="nivel", label="Nível", type="choice", choices=["ouro", "prata"])
    client = (await make_client(ana))["id"]
    given = {"client_id": client, "subject": "x", "description": "y"}

    missing = await ana.post(TICKETS, given)
    wrong = await ana.post(TICKETS, given | {"custom_fields": {"setor": "a", "nivel": "lata"}})
    ticket = await make_ticket(ana, client, custom_fields={"setor": "Obras"})
    changed = await ana.patch(f"{TICKETS}/{ticket['id']}", {"custom_fields": {"nivel": "Ouro"}})

    assert [d["field"] for d in missing.json()["details"]] == ["body.custom_fields.setor"]
    assert [d["field"] for d in wrong.json()["details"]] == ["body.custom_fields.nivel"]
    assert (missing.status_code, wrong.status_code) == (422, 422)
    assert changed.json()["data"]["custom_fields"] == {"setor": "Obras", "nivel": "ouro"}
    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == changed.json()["data"]


async def test_tags_and_custom_values_find_what_has_them_now(ana: Person) -> None:
    await _field(ana)
    await _field(ana, key="ano", label="Ano", type="number")
    client = (await make_client(ana))["id"]
    long = "x" * 300
    first = await make_ticket(
        ana, client, tags=["poda"], custom_fields={"setor": "Obras: Sul", "ano": 2026}
    )
    await make_ticket(ana, client, tags=["poda", "praça"], custom_fields={"setor": long})
    await make_ticket(ana, client, custom_fields={"setor": long[:-1] + "y", "ano": 2026})

    assert await _found(ana, tag="PODA") == [1, 2]
    assert await _found(ana, custom="setor:Obras: Sul") == [1]
    assert await _found(ana, custom="ano:2026") == [1, 3]
    assert await _found(ana, custom=f"setor:{long}") == [2]
    assert await _found(ana, custom=["ano:2026", "setor:Obras: Sul"], tag="poda") == [1]
    assert await _found(ana, custom="setor:nada") == []
    await ana.patch(
        f"{TICKETS}/{first['id']}", {"tags": ["praça"], "custom_fields": {"setor": None}}
    )
    assert await _found(ana, tag="poda") == [2]
    assert await _found(ana, tag="praça") == [1, 2]
    assert await _found(ana, custom="setor:Obras: Sul") == []
    assert await _found(ana, custom="ano:2026") == [1, 3]
    pages = [
        (await ana.get(TICKETS, params={"tag": "praça", "page": page, "per_page": 1})).json()
        for page in (1, 2)
    ]
    assert [page["data"][0]["number"] for page in pages] == [2, 1]
    assert pages[0]["meta"]["total"] == 2


@pytest.mark.parametrize("tag", ["d'água", "50%", ":a", "a\\b", '"x"', "--", "$1", "{}"])
async def test_any_text_is_a_tag_and_a_value(ana: Person, tag: str) -> None:
    await _field(ana)
    client = (await make_client(ana))["id"]
    await make_ticket(ana, client, tags=[tag], custom_fields={"setor": tag})
    await make_ticket(ana, client, tags=["outra"], custom_fields={"setor": "outro"})

    assert await _found(ana, tag=tag) == [1]
    assert await _found(ana, custom=f"setor:{tag}", sort="number") == [1]


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "-number", "-updated_at"])
async def test_pages_of_a_tag_hold_every_ticket_once(ana: Person, sort: str) -> None:
    client = (await make_client(ana))["id"]
    for number in range(6):
        await make_ticket(ana, client, tags=["poda"] if number != 2 else [])
    seen: list[int] = []
    params: dict[str, Any] = {"tag": "poda", "sort": sort, "limit": 2}
    while True:
        body = (await ana.get(TICKETS, params=params)).json()
        seen += [ticket["number"] for ticket in body["data"]]
        if body["meta"]["next_cursor"] is None:
            break
        params["cursor"] = body["meta"]["next_cursor"]

    assert seen == ([6, 5, 4, 2, 1] if sort.startswith("-") else [1, 2, 4, 5, 6])


async def test_ranges_include_their_beginning_and_not_their_end(
    ana: Person, database: Database
) -> None:
    client = (await make_client(ana))["id"]
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        for days in range(3):
            ticket = await make_ticket(ana, client)
            at = noon + timedelta(days=days)
            changed = sa.update(Ticket).where(Ticket.id == UUID(ticket["id"]))
            await session.execute(changed.values(created_at=at, updated_at=at))
    span = [(noon + timedelta(days=days)).isoformat() for days in range(3)]

    for name in ("created", "updated"):
        assert await _found(ana, **{f"{name}_since": span[1]}) == [2, 3]
        assert await _found(ana, **{f"{name}_until": span[1]}) == [1]
        both = {f"{name}_since": span[0], f"{name}_until": span[2]}
        assert await _found(ana, **both) == [1, 2]


@pytest.mark.parametrize(
    "params",
    [{"custom": "setor"}, {"created_since": "2026-03-02T12:00:00"}, {"category_id": "x"}],
)
async def test_bad_filter_is_refused(ana: Person, params: dict[str, str]) -> None:
    assert (await ana.get(TICKETS, params=params)).status_code == 422


async def test_filters_take_a_fixed_number_of_queries(ana: Person, statements: list[str]) -> None:
    category = await _category(ana, "Certidões")
    client = (await make_client(ana))["id"]
    for _ in range(3):
        await make_ticket(ana, client, category_id=category["id"], tags=["a"])
    everything: dict[str, Any] = {
        "category_id": category["id"],
        "tag": "a",
        "custom": ["a:b", "c:d"],
        "watcher_id": str(new_id()),
        "status": ["new", "open"],
        "created_since": "2026-01-01T00:00:00Z",
    }

    for params, queries in ((everything, 2), (everything | {"page": 1}, 3)):
        statements.clear()
        await ana.seen(TICKETS, **params)
        assert len(statements) == queries
