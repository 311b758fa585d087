"""What tickets say is for who works on them. The data protection officer sees that there are
tickets; what was said only for a reason, and the audit log keeps it."""

from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from core_api_factories import CLIENTS, TICKETS, Person, PersonOf, make_ticket
from core_api_records import Records

from chassis.data.database import Database
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

EVENTS = "/api/v1/audit-events"
SECRET = "Diagnóstico da Zoraide"
REASON = "Pedido de acesso 12, da Zoraide Quixadá"
WITH_REASON = {"x-access-reason": quote(REASON)}
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 32


async def a_ticket(ana: Person) -> dict[str, Any]:
    """With a message and an attachment, all of which say who it is about."""
    ticket: dict[str, Any] = await make_ticket(
        ana, subject=SECRET, description=f"{SECRET}: laudo", tags=["saude"]
    )
    path = f"{TICKETS}/{ticket['id']}"
    message = await ana.made(f"{path}/messages", {"kind": "client", "body": f"{SECRET}?"})
    answer = await ana.post(f"{path}/attachments", files={"file": ("zoraide.png", PICTURE)})
    assert answer.status_code == 201, answer.text
    return {**ticket, "message_id": message["id"], "attachment_id": answer.json()["data"]["id"]}


def readings(ticket: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything that shows what one ticket says."""
    path = f"{TICKETS}/{ticket['id']}"
    return [
        ("GET", path),
        ("GET", f"{path}/messages"),
        ("GET", f"{path}/messages/{ticket['message_id']}"),
        ("GET", f"{path}/messages/{ticket['message_id']}/revisions"),
        ("GET", f"{path}/attachments"),
        ("POST", f"{path}/attachments/{ticket['attachment_id']}/link"),
    ]


async def test_without_a_reason_nothing_is_shown_and_the_message_says_what_to_do(
    ana: Person, davi: Person
) -> None:
    ticket = await a_ticket(ana)

    for method, path in readings(ticket):
        answer = await davi.call(method, path)
        assert answer.status_code == 403, path
        assert answer.json()["code"] == "ACCESS_REASON_REQUIRED"
        assert "X-Access-Reason" in answer.json()["message"]
        assert SECRET not in answer.text


async def test_for_a_reason_it_is_shown_and_every_reading_is_on_record(
    ana: Person, davi: Person
) -> None:
    ticket = await a_ticket(ana)

    for method, path in readings(ticket):
        answer = await davi.call(method, path, headers=WITH_REASON)
        assert answer.status_code in {200, 201}, answer.text

    events = await ana.seen(EVENTS, action="ticket.contents_read")
    assert [event["values"]["operation"]["to"] for event in events][::-1] == [
        "get_ticket",
        "list_messages",
        "get_message",
        "list_revisions",
        "list_attachments",
        "create_attachment_link",
    ]
    assert {event["reason"] for event in events} == {REASON}
    assert {event["subject_id"] for event in events} == {ticket["id"]}
    assert {event["about"] for event in events} == {ticket["client_id"]}


async def test_the_other_name_of_the_header_serves_too(ana: Person, davi: Person) -> None:
    ticket = await a_ticket(ana)

    answer = await davi.get(f"{TICKETS}/{ticket['id']}", headers={"x-change-reason": quote(REASON)})

    assert answer.json()["data"]["subject"] == SECRET
    (event,) = await ana.seen(EVENTS, action="ticket.contents_read")
    assert event["reason"] == REASON


@pytest.mark.parametrize("reason", ["", "%20%20"])
async def test_an_empty_reason_is_none(ana: Person, davi: Person, reason: str) -> None:
    ticket = await a_ticket(ana)

    answer = await davi.get(f"{TICKETS}/{ticket['id']}", headers={"x-access-reason": reason})

    assert answer.status_code == 403


async def test_lists_show_numbers_and_states_only(ana: Person, davi: Person) -> None:
    ticket = await a_ticket(ana)
    other = await make_ticket(ana, ticket["client_id"], subject=SECRET)
    await ana.made(f"{TICKETS}/{ticket['id']}/links", {"kind": "related", "ticket_id": other["id"]})
    view = await ana.made("/api/v1/views", {"name": "Todos", "filter": {}, "shared": True})

    lists = [
        await davi.get(TICKETS),
        await davi.get(TICKETS, headers=WITH_REASON),
        await davi.get(f"/api/v1/views/{view['id']}/tickets"),
        await davi.get(f"{TICKETS}/{ticket['id']}/links"),
        await davi.get(f"{CLIENTS}/{ticket['client_id']}/timeline"),
    ]

    for answer in lists:
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) >= 1
        assert not any(told in answer.text for told in ("Zoraide", "zoraide", "saude", "laudo"))
    shown = lists[0].json()["data"][1]
    assert (shown["number"], shown["status"]) == (ticket["number"], "new")
    assert (shown["is_withheld"], shown["tags"]) == (True, [])
    told = await ana.seen(TICKETS)
    assert {(each["subject"], each["is_withheld"]) for each in told} == {(SECRET, False)}


@pytest.mark.parametrize("query", ["tag=saude", "custom=setor:Obras"])
async def test_what_is_not_shown_is_not_asked_for(ana: Person, davi: Person, query: str) -> None:
    await a_ticket(ana)

    assert (await davi.get(f"{TICKETS}?{query}")).status_code == 403
    assert (await davi.get(f"{TICKETS}/search?q=laudo", headers=WITH_REASON)).status_code == 403


async def test_the_audit_log_does_not_tell_it_either(ana: Person, davi: Person) -> None:
    ticket = await a_ticket(ana)
    await ana.patch(f"{TICKETS}/{ticket['id']}", {"subject": f"{SECRET} 2", "priority": "high"})

    answer = await davi.get(EVENTS, params={"about": ticket["client_id"]})
    (updated,) = await davi.seen(EVENTS, action="ticket.updated")

    assert "Zoraide" not in answer.text
    assert "zoraide" not in answer.text
    assert updated["values"]["subject"] == {
        "from": None,
        "to": None,
        "erased": False,
        "withheld": True,
    }
    assert updated["values"]["priority"]["to"] == "high"
    (told,) = await ana.seen(EVENTS, action="ticket.updated")
    assert told["values"]["subject"]["from"] == SECRET


async def test_who_also_works_on_tickets_needs_no_reason(ana: Person, person: PersonOf) -> None:
    ticket = await a_ticket(ana)
    both = person("davi", realm_access={"roles": ["dpo", "agent"]})

    answer = await both.get(f"{TICKETS}/{ticket['id']}")

    assert answer.json()["data"]["subject"] == SECRET
    assert await ana.seen(EVENTS, action="ticket.contents_read") == []


async def test_ticket_that_is_not_there_is_not_found_and_not_noted(
    ana: Person, davi: Person, beto: Person
) -> None:
    foreign = await make_ticket(beto)

    for ticket_id, status in ((foreign["id"], 404), (foreign["client_id"], 404), ("42x", 422)):
        answer = await davi.get(f"{TICKETS}/{ticket_id}", headers=WITH_REASON)
        assert answer.status_code == status
    assert await ana.seen(EVENTS, action="ticket.contents_read") == []


async def test_reason_is_gone_with_the_client_it_is_about(
    ana: Person, davi: Person, records: Records, database: Database
) -> None:
    ticket = await make_ticket(ana)
    await davi.get(f"{TICKETS}/{ticket['id']}", headers=WITH_REASON)

    (before,) = await records.audit("ticket.contents_read")
    async with database.transaction(OrganizationId(AURORA.id)) as tx:
        stored = await tx.scalars(sa.text("SELECT row_to_json(e)::text FROM crm.audit_events e"))
        assert "Zoraide" not in " ".join(stored)
        await tx.execute(sa.text("DELETE FROM crm.subject_keys"))
    (after,) = await ana.seen(EVENTS, action="ticket.contents_read")

    assert (before["reason"], after["reason"]) == (REASON, None)
    assert set(before["reason_sealed"]) == {"key", "sealed"}
