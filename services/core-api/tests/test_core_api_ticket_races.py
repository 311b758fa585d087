"""Many people at the same tickets: no update is lost, no number missing, nobody waits in vain."""

import asyncio
import random
from collections import Counter
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from core_api_factories import TICKETS, Person, PersonOf, make_client, make_ticket

from chassis.data.database import Database
from core_api.modules.tickets.repository import Tickets
from devstack.people import AURORA, PEOPLE
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

ANA, BRUNO = (str(PEOPLE[name].sub) for name in ("ana", "bruno"))


async def _all(*calls: Coroutine[Any, Any, httpx.Response]) -> list[httpx.Response]:
    return list(await asyncio.gather(*calls))


def _path(ticket: dict[str, Any]) -> str:
    return f"{TICKETS}/{ticket['id']}"


async def _deadlocks(superuser: asyncpg.Connection) -> int:
    await superuser.execute("SELECT pg_stat_clear_snapshot()")
    found: int = await superuser.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return found


async def test_fifty_edits_of_one_version_lose_no_update(ana: Person) -> None:
    """Each adds a tag to what it has read, and tries again when somebody was faster."""
    path = _path(await make_ticket(ana))
    refusals = 0

    async def add(tag: str) -> None:
        nonlocal refusals
        while True:
            seen = await ana.get(path)
            tags = seen.json()["data"]["tags"]
            headers = {"if-match": seen.headers["etag"]}
            answer = await ana.patch(path, {"tags": [*tags, tag][-30:]}, headers=headers)
            if answer.status_code == 200:
                won.append(answer.headers["etag"])
                return
            assert answer.status_code == 412, answer.text
            refusals += 1

    won: list[str] = []
    await asyncio.gather(*(add(f"t{number}") for number in range(50)))

    after = await ana.seen(path)
    assert sorted(won, key=lambda etag: int(etag.strip('"'))) == [f'"{n}"' for n in range(2, 52)]
    assert after["version"] == 51
    assert len(after["tags"]) == 30
    assert refusals > 0
    history = await ana.seen("/api/v1/audit-events", action="ticket.updated", limit=100)
    changes = [event["values"]["tags"] for event in reversed(history)]
    assert len(changes) == 50
    # Each began with exactly what the one before it had left.
    assert all(a["to"] == b["from"] for a, b in pairwise(changes))


async def test_fifty_edits_of_the_same_version_have_one_winner(ana: Person) -> None:
    path = _path(await make_ticket(ana))
    same = {"if-match": '"1"'}

    answers = await _all(
        *(ana.patch(path, {"subject": f"Nome {n}"}, headers=same) for n in range(50))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 49}
    assert (await ana.seen(path))["version"] == 2


async def test_fifty_tickets_at_once_leave_no_gap_though_some_are_rolled_back(
    ana: Person, bruno: Person, superuser: asyncpg.Connection
) -> None:
    client = (await make_client(ana))["id"]
    await superuser.execute(
        """
        CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql
          AS $$ BEGIN IF NEW.subject = 'refused' THEN RAISE unique_violation; END IF;
                RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON crm.tickets
          DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION crm.refuse();
        """
    )
    given = {"client_id": client, "description": "x"}
    try:
        answers = await _all(
            *(
                (ana, bruno)[n % 2].post(
                    TICKETS, given | {"subject": "refused" if n % 5 == 0 else "kept"}
                )
                for n in range(50)
            )
        )
    finally:
        await superuser.execute("DROP FUNCTION crm.refuse() CASCADE")

    assert Counter(answer.status_code for answer in answers) == {201: 40, 409: 10}
    numbers = [ticket["number"] for ticket in await ana.seen(TICKETS, limit=100, sort="number")]
    assert numbers == list(range(1, 41))
    assert (await make_ticket(ana, client))["number"] == 41


async def test_ticket_is_taken_once(ana: Person, bruno: Person) -> None:
    """Everybody who saw it free asks for it: one gets it, the others learn that it is gone."""
    await bruno.seen("/api/v1/me")
    path = _path(await make_ticket(ana))
    free = {"if-match": '"1"'}

    answers = await _all(
        *(
            person.post(f"{path}/assign", {"assignee_id": member}, headers=free)
            for person, member in ((ana, ANA), (bruno, BRUNO))
            for _ in range(10)
        )
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    (taken,) = [answer.json()["data"] for answer in answers if answer.status_code == 200]
    assert (await ana.seen(path))["assignee_id"] == taken["assignee_id"]


async def test_crossing_merges_leave_one_ticket_standing(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    client = (await make_client(ana))["id"]
    tickets = [await make_ticket(ana, client) for _ in range(6)]
    before = await _deadlocks(superuser)

    answers = await _all(
        *(
            ana.post(f"{_path(source)}/merge", {"into_ticket_id": target["id"]})
            for source in tickets
            for target in tickets
            if source is not target
        )
    )

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: 5, 409: 25}
    assert await _deadlocks(superuser) == before
    standing = [t for t in await ana.seen(TICKETS) if t["merged_into_id"] is None]
    assert len(standing) == 1
    for ticket in tickets:
        message = {"kind": "client", "body": "x"}
        heard = await ana.made(f"{_path(ticket)}/messages", message)
        assert heard["ticket_id"] == standing[0]["id"]


async def test_a_merge_waits_for_none_but_its_two_tickets(ana: Person, database: Database) -> None:
    """Its links go to third ones, which somebody may hold who waits for one of the two."""
    client = (await make_client(ana))["id"]
    source, target, third = [await make_ticket(ana, client) for _ in range(3)]
    link = {"kind": "related", "ticket_id": third["id"]}
    await ana.made(f"{_path(source)}/links", link)

    async with database.transaction(OrganizationId(AURORA.id)) as session:
        tickets = Tickets(session, OrganizationId(AURORA.id))
        await tickets.get_for_update(UUID(third["id"]))
        into = {"into_ticket_id": target["id"]}
        answer = await asyncio.wait_for(ana.post(f"{_path(source)}/merge", into), 10)

    assert answer.status_code == 200, answer.text


async def test_whatever_crosses_ends(
    ana: Person, bruno: Person, person: PersonOf, superuser: asyncpg.Connection
) -> None:
    """Merges, splits, links, bulk changes, messages and moves over the same tickets."""
    client = (await make_client(ana))["id"]
    tickets = [await make_ticket(ana, client, tags=["a"]) for _ in range(10)]
    said = {
        ticket["id"]: await ana.made(f"{_path(ticket)}/messages", {"kind": "client", "body": "x"})
        for ticket in tickets
    }
    source = random.Random(11)
    before = await _deadlocks(superuser)

    def call(number: int) -> Coroutine[Any, Any, httpx.Response]:
        who = (ana, bruno)[number % 2]
        one, other = source.sample(tickets, 2)
        some = [ticket["id"] for ticket in source.sample(tickets, 5)]
        calls: list[tuple[str, dict[str, Any]]] = [
            (f"{_path(one)}/merge", {"into_ticket_id": other["id"]}),
            (
                f"{_path(one)}/split",
                {"message_ids": [said[one["id"]]["id"]], "subject": "Outro assunto"},
            ),
            (f"{_path(one)}/links", {"kind": "parent", "ticket_id": other["id"]}),
            (f"{_path(one)}/links", {"kind": "related", "ticket_id": other["id"]}),
            (f"{TICKETS}/bulk", {"ids": some, "action": "tag", "parameters": {"add": ["b"]}}),
            (f"{TICKETS}/bulk", {"ids": some, "action": "reopen"}),
            (f"{TICKETS}/bulk", {"ids": some, "action": "resolve"}),
            (f"{_path(one)}/messages", {"kind": "client", "body": f"{number}"}),
            (f"{_path(one)}/assign", {"assignee_id": ANA}),
            (TICKETS, {"client_id": client, "subject": "x", "description": str(new_id())}),
        ]
        return who.post(*calls[number % len(calls)])

    answers = await _all(*(call(number) for number in range(120)))

    found = Counter(answer.status_code for answer in answers)
    assert set(found) <= {200, 201, 404, 409}, found
    assert found[200] >= 20
    assert await _deadlocks(superuser) == before
    numbers = [ticket["number"] for ticket in await ana.seen(TICKETS, limit=100, sort="number")]
    assert numbers == list(range(1, len(numbers) + 1))
