"""Changing many tickets at once: each is changed or refused by itself."""

from typing import Any

import pytest
from core_api_factories import TICKETS, Person, make_client, make_ticket
from core_api_records import Records

from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.work import TicketWork
from devstack.people import PEOPLE
from shared_schemas.ids import new_id

BULK = f"{TICKETS}/bulk"
BRUNO, BETO = (str(PEOPLE[name].sub) for name in ("bruno", "beto"))


async def _tickets(person: Person, count: int, **changes: Any) -> list[dict[str, Any]]:
    client = (await make_client(person))["id"]
    return [await make_ticket(person, client, **changes) for _ in range(count)]


async def _bulk(person: Person, tickets: list[dict[str, Any]], action: str, **given: Any) -> Any:
    ids = [ticket["id"] for ticket in tickets]
    return await person.made(BULK, {"ids": ids, "action": action, "parameters": given})


async def test_legal_ones_are_done_and_the_others_reported(
    ana: Person, beto: Person, records: Records
) -> None:
    tickets = await _tickets(ana, 3)
    await ana.made(f"{TICKETS}/{tickets[1]['id']}/resolve", None)
    theirs, unknown = await make_ticket(beto), {"id": str(new_id())}

    answer = await _bulk(ana, [tickets[2], theirs, tickets[1], unknown, tickets[0]], "resolve")

    assert (answer["done"], answer["refused"]) == (2, 3)
    assert [(r["id"], r["outcome"], r["code"]) for r in answer["results"]] == [
        (tickets[2]["id"], "done", None),
        (theirs["id"], "refused", "TICKET_NOT_FOUND"),
        (tickets[1]["id"], "refused", "ILLEGAL_TICKET_MOVE"),
        (unknown["id"], "refused", "TICKET_NOT_FOUND"),
        (tickets[0]["id"], "done", None),
    ]
    strange = answer["results"][1] | {"id": None}
    assert strange == answer["results"][3] | {"id": None}
    assert answer["results"][2]["message"].startswith("O chamado está resolvido")
    assert {t["status"] for t in await ana.seen(TICKETS)} == {"resolved"}
    assert (await beto.seen(f"{TICKETS}/{theirs['id']}"))["status"] == "new"
    assert len(await records.events("ticket.resolved")) == 3
    assert len(await records.audit("ticket.resolved")) == 3


async def test_tickets_are_named_by_number_too_and_counted_once(ana: Person) -> None:
    first, second = await _tickets(ana, 2)
    given = {"ids": [first["id"]], "numbers": [2, 1, 99, 2], "action": "pend"}

    answer = await ana.made(BULK, given)

    assert [(r["number"], r["outcome"]) for r in answer["results"]] == [
        (1, "done"),
        (2, "done"),
        (99, "refused"),
    ]
    assert (await ana.seen(f"{TICKETS}/{second['id']}"))["version"] == 2


async def test_every_action_does_what_it_does_to_one(
    ana: Person, bruno: Person, records: Records
) -> None:
    await bruno.seen("/api/v1/me")
    tickets = await _tickets(ana, 2, tags=["a", "b"])

    async def seen() -> list[dict[str, Any]]:
        return [await ana.seen(f"{TICKETS}/{ticket['id']}") for ticket in tickets]

    await _bulk(ana, tickets, "assign", assignee_id=BRUNO)
    await _bulk(ana, tickets, "change", priority="urgent")
    await _bulk(ana, tickets, "tag", add=["c", "a"], remove=["b"])
    await _bulk(ana, tickets, "say", kind="reply", body="Amanhã.")
    await _bulk(ana, tickets, "watch", member_id=BRUNO)
    await _bulk(ana, tickets, "hold", note="Chuva.")

    for ticket in await seen():
        assert (ticket["assignee_id"], ticket["priority"]) == (BRUNO, "urgent")
        assert (ticket["tags"], ticket["status"]) == (["a", "c"], "on_hold")
        said = await ana.seen(f"{TICKETS}/{ticket['id']}/messages")
        assert [message["body"] for message in said] == ["Amanhã.", "Chuva."]
    assert len(await ana.seen(TICKETS, watcher_id=BRUNO)) == 2
    assert len(await records.audit("ticket.assigned")) == 2


async def test_stranger_is_refused_for_every_ticket(ana: Person, beto: Person) -> None:
    await beto.seen("/api/v1/me")
    tickets = await _tickets(ana, 2)

    answer = await _bulk(ana, tickets, "assign", assignee_id=BETO)

    assert [result["code"] for result in answer["results"]] == ["MEMBER_UNKNOWN"] * 2


async def test_ticket_refused_half_way_is_as_it_was(
    ana: Person, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = await _tickets(ana, 3)
    whole = TicketWork._record

    async def refusing(self: Any, ticket: Ticket, *arguments: Any, **named: Any) -> None:
        await whole(self, ticket, *arguments, **named)
        if str(ticket.id) == tickets[1]["id"]:
            ticket.move(Move.CLOSE)  # refuses, after everything was written

    monkeypatch.setattr(TicketWork, "_record", refusing)

    answer = await _bulk(ana, tickets, "change", priority="low", subject="Novo")

    assert [result["outcome"] for result in answer["results"]] == ["done", "refused", "done"]
    seen = [(await ana.seen(f"{TICKETS}/{t['id']}"))["subject"] for t in tickets]
    assert seen == ["Novo", tickets[1]["subject"], "Novo"]
    assert len(await records.events("ticket.updated")) == 2
    assert len(await records.audit("ticket.updated")) == 2


@pytest.mark.parametrize(
    "given",
    [
        {"ids": [], "action": "pend"},
        {
            "ids": [str(new_id()) for _ in range(150)],
            "numbers": list(range(1, 52)),
            "action": "pend",
        },
        {"numbers": [0], "action": "pend"},
        {"numbers": [1], "action": "explode"},
        {"numbers": [1], "action": "assign", "parameters": {}},
        {"numbers": [1], "action": "say", "parameters": {"kind": "client", "body": "x"}},
        {
            "numbers": [1],
            "action": "say",
            "parameters": {"kind": "note", "body": "x", "attachment_ids": [str(new_id())]},
        },
        {"numbers": [1], "action": "change", "parameters": {"status": "closed"}},
    ],
)
async def test_bad_request_changes_nothing(ana: Person, given: dict[str, Any]) -> None:
    await _tickets(ana, 1)

    answer = await ana.post(BULK, given)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


async def test_two_hundred_at_once(ana: Person) -> None:
    tickets = await _tickets(ana, 200)

    answer = await _bulk(ana, tickets, "tag", add=["mutirão"])

    assert (answer["done"], answer["refused"]) == (200, 0)
    assert len(await ana.seen(TICKETS, tag="mutirão", limit=100)) == 100
