"""The tree of categories: growing, moving, archiving; what tickets make of it."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from core_api_factories import Person
from core_api_records import Records

from shared_schemas.ids import new_id

CATEGORIES = "/api/v1/categories"


async def make_category(person: Person, name: str, parent: Any = None) -> dict[str, Any]:
    given = {"name": name, "parent_id": parent["id"] if parent else None}
    return await person.made(CATEGORIES, given)


async def _names(person: Person, **params: Any) -> list[str]:
    return [category["name"] for category in await person.seen(CATEGORIES, **params)]


async def test_tree_is_listed_with_every_branch_below_its_root(
    ana: Person, vera: Person, records: Records
) -> None:
    papers = await make_category(ana, "Certidões")
    streets = await make_category(ana, "Vias")
    copies = await make_category(ana, "Segunda via", papers)
    await make_category(ana, "Buracos", streets)
    await make_category(ana, "Urgentes", copies)

    tree = [(c["name"], c["depth"]) for c in await vera.seen(CATEGORIES)]

    assert tree == [
        ("Certidões", 1),
        ("Segunda via", 2),
        ("Urgentes", 3),
        ("Vias", 1),
        ("Buracos", 2),
    ]
    first = (await vera.get(CATEGORIES, params={"limit": 2})).json()
    rest = await _names(vera, limit=3, cursor=first["meta"]["next_cursor"])
    assert rest == ["Urgentes", "Vias", "Buracos"]
    created = (await records.audit("category.created"))[2]
    assert created["values"]["parent_id"] == {"from": None, "to": papers["id"]}


async def test_branch_moves_with_everything_below_it(ana: Person, records: Records) -> None:
    papers, streets = await make_category(ana, "Certidões"), await make_category(ana, "Vias")
    copies = await make_category(ana, "Segunda via", papers)
    urgent = await make_category(ana, "Urgentes", copies)
    path = f"{CATEGORIES}/{copies['id']}"

    moved = await ana.patch(path, {"parent_id": streets["id"], "name": "Cópias"})
    up = await ana.patch(path, {"parent_id": None}, headers={"if-match": '"2"'})
    stale = await ana.patch(path, {"name": "x"}, headers={"if-match": '"1"'})

    assert (moved.status_code, moved.json()["data"]["depth"]) == (200, 2)
    assert (up.json()["data"]["depth"], up.headers["etag"]) == (1, '"3"')
    assert (await ana.seen(f"{CATEGORIES}/{urgent['id']}"))["depth"] == 2
    assert stale.status_code == 412
    first, _ = await records.audit("category.updated")
    assert first["values"]["parent_id"] == {"from": papers["id"], "to": streets["id"]}


async def test_no_category_ends_below_itself_or_too_deep(ana: Person) -> None:
    chain = [await make_category(ana, "1")]
    for name in "2345":
        chain.append(await make_category(ana, name, chain[-1]))
    pair = [await make_category(ana, "A")]
    pair.append(await make_category(ana, "B", pair[0]))

    async def refused(category: Any, parent: Any) -> str:
        given = {"parent_id": parent["id"]}
        answer = await ana.patch(f"{CATEGORIES}/{category['id']}", given)
        assert answer.status_code == 409
        return str(answer.json()["code"])

    sixth = await ana.post(CATEGORIES, {"name": "6", "parent_id": chain[-1]["id"]})
    assert (sixth.status_code, sixth.json()["code"]) == (409, "CATEGORY_TOO_DEEP")
    assert await refused(chain[0], chain[2]) == "CATEGORY_BELOW_ITSELF"
    assert await refused(chain[0], chain[0]) == "CATEGORY_BELOW_ITSELF"
    assert await refused(pair[0], chain[3]) == "CATEGORY_TOO_DEEP"


async def test_archived_branch_takes_nothing_new_and_comes_back_from_the_top(ana: Person) -> None:
    papers = await make_category(ana, "Certidões")
    copies = await make_category(ana, "Segunda via", papers)
    top, below = f"{CATEGORIES}/{papers['id']}", f"{CATEGORIES}/{copies['id']}"

    await ana.made(f"{top}/archive", None)

    assert await _names(ana) == []
    assert await _names(ana, archived=True) == ["Certidões", "Segunda via"]
    calls = [
        await ana.post(CATEGORIES, {"name": "x", "parent_id": papers["id"]}),
        await ana.post(f"{below}/restore"),
    ]
    assert {answer.json()["code"] for answer in calls} == {"CATEGORY_ARCHIVED"}
    await ana.made(f"{top}/restore", None)
    assert await _names(ana) == ["Certidões"]
    await ana.made(f"{below}/restore", None)
    assert await _names(ana) == ["Certidões", "Segunda via"]


async def test_name_is_taken_once_per_place(ana: Person) -> None:
    papers = await make_category(ana, "Certidões")
    await make_category(ana, "Certidões", papers)

    again = await ana.post(CATEGORIES, {"name": "Certidões"})

    assert (again.status_code, again.json()["code"]) == (409, "CATEGORY_NAME_TAKEN")


async def test_only_who_configures_the_desk_changes_the_tree(bruno: Person) -> None:
    assert (await bruno.post(CATEGORIES, {"name": "x"})).status_code == 403


async def test_another_organizations_category_is_unknown(ana: Person, beto: Person) -> None:
    theirs = await make_category(beto, "Deles")
    mine = await make_category(ana, "Minha")

    for unknown in (theirs["id"], str(new_id())):
        path = f"{CATEGORIES}/{unknown}"
        answers = [
            await ana.get(path),
            await ana.patch(path, {"name": "x"}),
            await ana.post(f"{path}/archive"),
            await ana.post(f"{path}/restore"),
            await ana.post(CATEGORIES, {"name": "x", "parent_id": unknown}),
            await ana.patch(f"{CATEGORIES}/{mine['id']}", {"parent_id": unknown}),
        ]
        found = Counter((answer.status_code, answer.json()["code"]) for answer in answers)
        assert found == {(404, "CATEGORY_NOT_FOUND"): 6}


@pytest.mark.committed
async def test_simultaneous_moves_make_no_cycle(ana: Person) -> None:
    categories = [await make_category(ana, str(number)) for number in range(4)]
    ring = zip(categories, categories[1:] + categories[:1], strict=True)

    answers = await asyncio.gather(
        *(
            ana.patch(f"{CATEGORIES}/{category['id']}", {"parent_id": parent["id"]})
            for category, parent in ring
        )
    )

    assert Counter(answer.status_code for answer in answers) == {200: 3, 409: 1}
    assert sorted(c["depth"] for c in await ana.seen(CATEGORIES)) == [1, 2, 3, 4]
