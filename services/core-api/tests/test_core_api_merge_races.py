"""Merging clients while something else happens: one wins, nothing is lost, no deadlock."""

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import pytest
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket

from core_api.modules.clients.search.index import refresh as real_refresh

pytestmark = pytest.mark.committed
MERGES = "/api/v1/client-merges"


async def test_crossing_merges_one_wins(bruno: Person, ana: Person) -> None:
    for _ in range(3):
        one, other = await make_client(ana, name="Rui"), await make_client(ana, name="Rui")
        for client in (one, other):
            await make_ticket(ana, client["id"])

        answers = await asyncio.gather(
            bruno.post(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]}),
            ana.post(f"{CLIENTS}/{other['id']}/merge", {"other_id": one["id"]}),
        )

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert {a.json().get("code") for a in answers} == {None, "CLIENT_MERGED"}
        shown = {(await ana.seen(f"{CLIENTS}/{c['id']}"))["id"] for c in (one, other)}
        assert len(shown) == 1
        assert len(await ana.seen(TICKETS, client_id=shown.pop())) == 2


async def test_a_ring_of_merges_ends_with_one_client(ana: Person) -> None:
    ids = [(await make_client(ana, name=f"Rui {n}"))["id"] for n in range(4)]

    answers = await asyncio.gather(
        *(
            ana.post(f"{CLIENTS}/{one}/merge", {"other_id": ids[(place + 1) % 4]})
            for place, one in enumerate(ids)
        )
    )

    counted = Counter(answer.status_code for answer in answers)
    assert set(counted) <= {201, 409}
    assert 1 <= counted[201] <= 3
    living = {client["id"] for client in await ana.seen(CLIENTS)}
    assert len(living) == 4 - counted[201]
    assert {(await ana.seen(f"{CLIENTS}/{one}"))["id"] for one in ids} == living


async def test_tickets_opened_meanwhile_are_with_the_survivor_or_refused(
    ana: Person, bruno: Person
) -> None:
    one, other = await make_client(ana), await make_client(ana)
    given = {"client_id": other["id"], "subject": "x", "description": "y"}

    answers = await asyncio.gather(
        *(bruno.post(TICKETS, given) for _ in range(4)),
        ana.post(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]}),
        *(bruno.post(TICKETS, given) for _ in range(4)),
    )

    assert answers[4].status_code == 201, answers[4].text
    opened = [answer for answer in answers if answer is not answers[4]]
    assert {answer.status_code for answer in opened} <= {201, 409}
    made = sum(answer.status_code == 201 for answer in opened)
    assert len(await ana.seen(TICKETS, client_id=one["id"])) == made


async def test_edits_meanwhile_are_kept_or_refused(ana: Person, bruno: Person) -> None:
    one, other = await make_client(ana, name="Rui"), await make_client(ana, phone="1133334444")

    merged, edited, lost = await asyncio.gather(
        ana.post(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]}),
        bruno.patch(f"{CLIENTS}/{one['id']}", {"name": "Rui Prado"}),
        bruno.patch(f"{CLIENTS}/{other['id']}", {"external_id": "B-1"}),
    )

    assert (merged.status_code, edited.status_code) == (201, 200)
    survivor = await ana.seen(f"{CLIENTS}/{one['id']}")
    assert (survivor["name"], survivor["phone"]) == ("Rui Prado", "+551133334444")
    if lost.status_code == 200:
        assert survivor["external_id"] == "B-1"
    else:
        assert (lost.status_code, lost.json()["code"]) == (409, "CLIENT_MERGED")


async def test_undone_at_most_once(ana: Person, bruno: Person) -> None:
    one, other = await make_client(ana), await make_client(ana)
    done = await ana.made(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]})

    answers = await asyncio.gather(
        *(person.post(f"{MERGES}/{done['id']}/undo", {}) for person in (ana, bruno, ana))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len(await ana.seen(CLIENTS)) == 2


async def test_what_fails_at_the_end_leaves_nothing_behind(
    ana: Person, monkeypatch: pytest.MonkeyPatch, superuser: asyncpg.Connection
) -> None:
    one, other = await make_client(ana, name="Rui"), await make_client(ana, email="a@b.com")
    ticket = await make_ticket(ana, other["id"])

    async def breaks(*arguments: Any, **options: Any) -> None:
        await real_refresh(*arguments, **options)
        raise RuntimeError("the process ends here")

    monkeypatch.setattr("core_api.modules.clients.search.index.refresh", breaks)
    answer = await ana.post(f"{CLIENTS}/{one['id']}/merge", {"other_id": other["id"]})
    monkeypatch.undo()

    assert answer.status_code == 500
    assert (await ana.seen(f"{TICKETS}/{ticket['id']}"))["client_id"] == other["id"]
    assert (await ana.seen(f"{CLIENTS}/{one['id']}"))["emails"] == []
    assert await superuser.fetchval("SELECT count(*) FROM crm.client_merges") == 0
    assert await ana.seen(MERGES) == []


async def test_the_log_of_merges_cannot_be_deleted_by_the_application(
    ana: Person, database_urls: Any
) -> None:
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("DELETE FROM crm.client_merges")
    await app.close()
