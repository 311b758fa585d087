"""A client is heard whatever has become of the ticket: it reopens, or a follow-up takes it up."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket
from core_api_records import Records

from chassis.data.database import Database
from core_api.modules.tickets.models import Ticket
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

SETTINGS = "/api/v1/desk-settings"


async def _done(
    person: Person, database: Database, *, days_ago: int, closed: bool = False, **changes: Any
) -> Any:
    """A ticket that was resolved, or closed, some days ago."""
    ticket = await make_ticket(person, **changes)
    for move in ("resolve", "close") if closed else ("resolve",):
        await person.made(f"{TICKETS}/{ticket['id']}/{move}", None)
    at = datetime.now(UTC) - timedelta(days=days_ago)
    done = sa.update(Ticket).where(Ticket.id == UUID(ticket["id"]))
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        await session.execute(done.values(closed_at=at if closed else None, resolved_at=at))
    return ticket


async def _hears(person: Person, ticket: dict[str, Any], body: str = "E agora?") -> Any:
    path = f"{TICKETS}/{ticket['id']}/messages"
    return await person.made(path, {"kind": "client", "body": body})


@pytest.mark.parametrize("closed", [False, True])
async def test_soon_enough_the_ticket_reopens(
    ana: Person, database: Database, *, closed: bool
) -> None:
    ticket = await _done(ana, database, days_ago=13, closed=closed)

    message = await _hears(ana, ticket)

    assert (message["ticket_id"], message["follow_up_of"]) == (ticket["id"], None)
    seen = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert (seen["status"], seen["reopen_count"]) == ("open", 1)
    assert seen["reopened_at"] is not None


@pytest.mark.parametrize("closed", [False, True])
async def test_too_late_a_linked_follow_up_is_opened(
    ana: Person, database: Database, records: Records, *, closed: bool
) -> None:
    ticket = await _done(ana, database, days_ago=15, closed=closed, tags=["poda"], priority="high")
    before = await ana.seen(f"{TICKETS}/{ticket['id']}")

    message = await _hears(ana, ticket)

    assert message["follow_up_of"] == ticket["id"]
    follow_up = await ana.seen(f"{TICKETS}/{message['ticket_id']}")
    assert (follow_up["number"], follow_up["status"]) == (ticket["number"] + 1, "new")
    assert follow_up["follow_up_of_id"] == ticket["id"]
    assert follow_up["description"] == "E agora?"
    kept = ("client_id", "subject", "priority", "tags", "channel")
    assert [follow_up[name] for name in kept] == [ticket[name] for name in kept]
    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == before
    (there,) = await ana.seen(f"{TICKETS}/{follow_up['id']}/links")
    (here,) = await ana.seen(f"{TICKETS}/{ticket['id']}/links")
    assert (there["relation"], here["relation"]) == ("follow_up_of", "has_follow_up")
    assert here["ticket"]["number"] == follow_up["number"]
    (row,) = await records.audit("ticket.followed_up")
    assert row["related"]["follow_up_id"] == follow_up["id"]
    refused = await ana.delete(f"{TICKETS}/{ticket['id']}/links/{here['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "TICKET_LINK_IS_HISTORY")


async def test_what_is_said_next_goes_to_the_same_follow_up(
    ana: Person, database: Database
) -> None:
    ticket = await _done(ana, database, days_ago=15)
    first = await _hears(ana, ticket)

    second = await _hears(ana, ticket, "Ainda espero.")

    assert second["ticket_id"] == first["ticket_id"]
    assert second["follow_up_of"] == ticket["id"]
    assert len(await ana.seen(TICKETS)) == 2


async def test_organization_decides_how_long(ana: Person, bruno: Person, records: Records) -> None:
    first = await ana.get(SETTINGS)
    assert (first.json()["data"]["reopen_within_days"], first.headers["etag"]) == (14, '"1"')
    ticket = await make_ticket(ana)
    await ana.made(f"{TICKETS}/{ticket['id']}/resolve", None)

    changed = await ana.patch(SETTINGS, {"reopen_within_days": 0}, headers={"if-match": '"1"'})
    stale = await ana.patch(SETTINGS, {"reopen_within_days": 3}, headers={"if-match": '"1"'})
    refused = await bruno.patch(SETTINGS, {"reopen_within_days": 3})

    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (stale.status_code, refused.status_code) == (412, 403)
    assert (await _hears(ana, ticket))["follow_up_of"] == ticket["id"]
    (row,) = await records.audit("desk_settings.updated")
    assert row["values"]["reopen_within_days"] == {"from": 14, "to": 0}


async def test_without_a_limit_it_always_reopens(
    ana: Person, beto: Person, database: Database
) -> None:
    await ana.patch(SETTINGS, {"reopen_within_days": None})
    ticket = await _done(ana, database, days_ago=900, closed=True)

    assert (await _hears(ana, ticket))["follow_up_of"] is None
    assert (await beto.seen(SETTINGS))["reopen_within_days"] == 14


async def test_a_deleted_clients_ticket_reopens_but_gets_no_follow_up(
    ana: Person, database: Database
) -> None:
    client = await make_client(ana)
    late = await _done(ana, database, days_ago=15, client_id=client["id"])
    soon = await _done(ana, database, days_ago=1, client_id=client["id"])
    await ana.delete(f"{CLIENTS}/{client['id']}")

    refused = await ana.post(f"{TICKETS}/{late['id']}/messages", {"kind": "client", "body": "Olá?"})

    assert (refused.status_code, refused.json()["code"]) == (404, "CLIENT_NOT_FOUND")
    assert (await _hears(ana, soon))["ticket_id"] == soon["id"]


@pytest.mark.committed
async def test_simultaneous_messages_make_one_follow_up(ana: Person, database: Database) -> None:
    ticket = await _done(ana, database, days_ago=15)

    heard = await asyncio.gather(*(_hears(ana, ticket, f"{n}") for n in range(8)))

    assert len({message["ticket_id"] for message in heard}) == 1
    assert len(await ana.seen(TICKETS)) == 2
