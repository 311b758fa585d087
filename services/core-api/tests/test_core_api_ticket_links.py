"""Who watches tickets, and what tickets have to do with each other."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from core_api_factories import TICKETS, Person, make_client, make_ticket
from core_api_records import Records

from core_api.modules.tickets.relations.merging import Merging
from devstack.people import PEOPLE
from shared_schemas.ids import new_id

ANA, BRUNO, BETO = (str(PEOPLE[name].sub) for name in ("ana", "bruno", "beto"))


async def _path(person: Person, client_id: str | None = None) -> str:
    return f"{TICKETS}/{(await make_ticket(person, client_id))['id']}"


def _id(path: str) -> str:
    return path.rpartition("/")[2]


async def _link(person: Person, path: str, other: str, kind: str) -> Any:
    return await person.post(f"{path}/links", {"kind": kind, "ticket_id": _id(other)})


async def _relations(person: Person, path: str) -> list[tuple[str, str]]:
    links = await person.seen(f"{path}/links")
    return [(link["relation"], link["ticket"]["id"]) for link in links]


async def test_members_watch_and_stop(ana: Person, bruno: Person, records: Records) -> None:
    path = await _path(ana)

    oneself = await bruno.post(f"{path}/watchers", {})
    other = await bruno.post(f"{path}/watchers", {"member_id": ANA})
    again = await ana.post(f"{path}/watchers", {"member_id": BRUNO})

    assert {answer.status_code for answer in (oneself, other, again)} == {204}
    watchers = await ana.seen(f"{path}/watchers")
    assert [(w["member_id"], w["added_by"]) for w in watchers] == [(BRUNO, BRUNO), (ANA, BRUNO)]
    assert [t["id"] for t in await ana.seen(TICKETS, watcher_id=BRUNO)] == [_id(path)]
    gone = await ana.delete(f"{path}/watchers/{BRUNO}")
    missing = await ana.delete(f"{path}/watchers/{BRUNO}")
    assert (gone.status_code, missing.status_code) == (204, 404)
    assert await ana.seen(TICKETS, watcher_id=BRUNO) == []
    assert len(await records.audit("ticket.watched")) == 2
    (row,) = await records.audit("ticket.unwatched")
    assert row["values"]["watchers"] == {"from": BRUNO, "to": None}
    assert (await ana.seen(path))["version"] == 1


async def test_stranger_does_not_watch(ana: Person, beto: Person) -> None:
    await beto.seen("/api/v1/me")
    path = await _path(ana)

    for stranger in (BETO, str(new_id())):
        answer = await ana.post(f"{path}/watchers", {"member_id": stranger})
        assert (answer.status_code, answer.json()["code"]) == (404, "MEMBER_UNKNOWN")
    for answer in (
        await beto.get(f"{path}/watchers"),
        await beto.post(f"{path}/watchers", {}),
        await beto.delete(f"{path}/watchers/{ANA}"),
        await beto.get(f"{path}/links"),
        await _link(beto, path, await _path(beto), "related"),
        await _link(beto, await _path(beto), path, "related"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "TICKET_NOT_FOUND")


@pytest.mark.parametrize(
    ("kind", "here", "there"),
    [
        ("duplicate", "duplicate_of", "has_duplicate"),
        ("parent", "parent", "child"),
        ("related", "related", "related"),
    ],
)
async def test_both_sides_show_a_link_and_forget_it(
    ana: Person, records: Records, kind: str, here: str, there: str
) -> None:
    path, other = await _path(ana), await _path(ana)

    link = (await _link(ana, path, other, kind)).json()["data"]

    assert (link["relation"], link["ticket"]["id"]) == (here, _id(other))
    assert link["ticket"]["number"] == 2
    assert await _relations(ana, path) == [(here, _id(other))]
    assert await _relations(ana, other) == [(there, _id(path))]
    again = [await _link(ana, path, other, kind)]
    if kind != "parent":
        again.append(await _link(ana, other, path, kind))
    assert {(a.status_code, a.json()["code"]) for a in again} == {(409, "TICKET_LINK_EXISTS")}
    gone = await ana.delete(f"{other}/links/{link['id']}")
    missing = await ana.delete(f"{path}/links/{link['id']}")
    assert (gone.status_code, missing.status_code) == (204, 404)
    assert await _relations(ana, path) == await _relations(ana, other) == []
    rows = await records.audit("ticket.linked") + await records.audit("ticket.unlinked")
    assert [row["subject_id"] for row in rows] == [_id(path), _id(other)] * 2
    assert rows[0]["related"]["other_ticket_id"] == _id(other)


async def test_family_has_no_circle_and_no_second_parent(ana: Person) -> None:
    a, b, c = [await _path(ana) for _ in range(3)]
    await _link(ana, a, b, "parent")
    await _link(ana, b, c, "parent")

    answers = [
        await _link(ana, c, a, "parent"),
        await _link(ana, a, c, "parent"),
        await _link(ana, a, a, "parent"),
        await _link(ana, a, a, "related"),
    ]

    assert [answer.json()["code"] for answer in answers] == [
        "TICKET_LINK_MAKES_CIRCLE",
        "TICKET_HAS_PARENT",
        "TICKET_WITH_ITSELF",
        "TICKET_WITH_ITSELF",
    ]
    assert {answer.status_code for answer in answers} == {409}


async def test_lists_of_relations_take_a_fixed_number_of_queries(
    ana: Person, statements: list[str]
) -> None:
    client = (await make_client(ana))["id"]
    path = await _path(ana, client)
    for _ in range(3):
        await _link(ana, path, await _path(ana, client), "related")
    await ana.post(f"{path}/watchers", {})

    for listed in (f"{path}/links", f"{path}/watchers"):
        statements.clear()
        await ana.seen(listed)
        assert len(statements) == 2, listed
    first = (await ana.get(f"{path}/links", params={"limit": 2})).json()
    rest = await ana.seen(f"{path}/links", limit=2, cursor=first["meta"]["next_cursor"])
    assert [link["ticket"]["number"] for link in first["data"] + rest] == [2, 3, 4]


@pytest.mark.committed
async def test_simultaneous_parents_close_no_circle(ana: Person) -> None:
    client = (await make_client(ana))["id"]
    paths = [await _path(ana, client) for _ in range(6)]
    ring = zip(paths, paths[1:] + paths[:1], strict=True)

    answers = await asyncio.gather(*(_link(ana, a, b, "parent") for a, b in ring))

    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 1}


@pytest.mark.committed
@pytest.mark.parametrize(
    "links",
    [
        [("a", "y"), ("b", "x")],  # both become the one link between the tickets that go on
        [("a", "b")],  # each of the two takes over the same link
        [("y", "a"), ("a", "b"), ("b", "x")],
    ],
)
async def test_merges_at_the_same_time_unite_their_links(
    ana: Person, monkeypatch: pytest.MonkeyPatch, links: list[tuple[str, str]]
) -> None:
    client = (await make_client(ana))["id"]
    paths = {name: await _path(ana, client) for name in "abxy"}
    for one, other in links:
        assert (await _link(ana, paths[one], paths[other], "related")).status_code == 201
    both, unite = asyncio.Barrier(2), Merging._unite_links

    async def together(self: Merging, source: Any, target: Any) -> None:
        await both.wait()
        await unite(self, source, target)

    monkeypatch.setattr(Merging, "_unite_links", together)
    answers = await asyncio.gather(
        *(
            ana.post(f"{paths[source]}/merge", {"into_ticket_id": _id(paths[target])})
            for source, target in (("a", "x"), ("b", "y"))
        )
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert await _relations(ana, paths["x"]) == [("related", _id(paths["y"]))]
    assert await _relations(ana, paths["y"]) == [("related", _id(paths["x"]))]
    assert await _relations(ana, paths["a"]) == await _relations(ana, paths["b"]) == []
