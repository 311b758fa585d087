"""Tickets of clients that turn out to be one, and to be two after all."""

from typing import Any

from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket
from core_api_records import Records


async def test_tickets_follow_their_client_and_remember_it(ana: Person, records: Records) -> None:
    survivor, merged = await make_client(ana), await make_client(ana, name="Julia Prado")
    tickets = [await make_ticket(ana, merged["id"]) for _ in range(2)]
    other = await make_ticket(ana, survivor["id"])

    merge = await ana.made(
        f"{CLIENTS}/{survivor['id']}/merge", {"other_id": merged["id"], "reason": "A mesma."}
    )

    seen = [await ana.seen(f"{TICKETS}/{ticket['id']}") for ticket in tickets]
    assert {ticket["client_id"] for ticket in seen} == {survivor["id"]}
    rows = await records.audit("ticket.client_changed")
    assert {row["subject_id"] for row in rows} == {ticket["id"] for ticket in tickets}
    assert rows[0]["values"]["client_id"] == {"from": merged["id"], "to": survivor["id"]}
    assert rows[0]["reason"] == "A mesma."
    assert await _told(records, other) == []
    assert await _told(records, tickets[0]) == [["client_id"]]

    await ana.made(f"/api/v1/client-merges/{merge['id']}/undo", {})

    seen = [await ana.seen(f"{TICKETS}/{ticket['id']}") for ticket in tickets]
    assert {ticket["client_id"] for ticket in seen} == {merged["id"]}
    assert await _told(records, tickets[1]) == [["client_id"]] * 2
    assert (await ana.seen(f"{TICKETS}/{other['id']}")) == other


async def _told(records: Records, ticket: dict[str, Any]) -> list[list[str]]:
    events = await records.events("ticket.updated")
    return [e["payload"]["changed"] for e in events if e["payload"]["ticket_id"] == ticket["id"]]
