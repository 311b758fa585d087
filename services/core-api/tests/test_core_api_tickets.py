"""Opening, changing, moving, answering, listing and searching tickets."""

from typing import Any

import pytest
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket
from core_api_records import Records

from devstack.people import PEOPLE
from shared_schemas.ids import new_id

BRUNO = str(PEOPLE["bruno"].sub)


async def _move(person: Person, ticket: dict[str, Any], move: str, json: Any = None) -> Any:
    return await person.post(f"{TICKETS}/{ticket['id']}/{move}", json)


async def test_ticket_is_opened_with_the_next_number(ana: Person, records: Records) -> None:
    client = await make_client(ana)
    first = await make_ticket(ana, client["id"])
    given = {
        "client_id": client["id"],
        "subject": " Galho  na fiação ",
        "description": "Faísca\r\nà noite.",
        "priority": "urgent",
        "channel": "phone",
        "tags": ["Poda"],
    }

    answer = await ana.post(TICKETS, given)

    ticket = answer.json()["data"]
    assert answer.status_code == 201
    assert (first["number"], ticket["number"]) == (1, 2)
    assert ticket["subject"] == "Galho na fiação"
    assert ticket["description"] == "Faísca\nà noite."
    assert (ticket["status"], ticket["priority"]) == ("new", "urgent")
    assert (ticket["channel"], ticket["tags"]) == ("phone", ["poda"])
    assert ticket["created_by"] == str(PEOPLE["ana"].sub)
    assert "resolve" in ticket["legal_moves"]
    assert "close" not in ticket["legal_moves"]
    assert answer.headers["location"] == f"{TICKETS}/{ticket['id']}"
    assert await ana.seen(f"{TICKETS}/{ticket['id']}") == ticket
    _, event = await records.events("ticket.created")
    assert event["payload"] == {"ticket_id": ticket["id"], "client_id": client["id"]}
    assert event["actor_id"] == str(PEOPLE["ana"].sub)
    assert len(await records.audit("ticket.created")) == 2


async def test_refused_ticket_leaves_no_gap(ana: Person) -> None:
    await make_ticket(ana)

    refused = await ana.post(
        TICKETS, {"client_id": str(new_id()), "subject": "x", "description": "y"}
    )

    assert (refused.status_code, refused.json()["code"]) == (404, "CLIENT_NOT_FOUND")
    assert (await make_ticket(ana))["number"] == 2


async def test_deleted_client_gets_no_ticket_and_keeps_the_old_ones(ana: Person) -> None:
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    await ana.delete(f"{CLIENTS}/{client['id']}")

    refused = await ana.post(
        TICKETS, {"client_id": client["id"], "subject": "x", "description": "y"}
    )

    assert refused.status_code == 404
    assert await ana.seen(TICKETS, client_id=client["id"]) == [ticket]


async def test_change_applies_what_was_sent(ana: Person, records: Records) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"

    answer = await ana.patch(path, {"priority": "high", "subject": "Outra"})
    again = await ana.patch(path, {"priority": "high"}, headers={"if-match": '"2"'})
    stale = await ana.patch(path, {"priority": "low"}, headers={"if-match": '"1"'})

    assert answer.headers["etag"] == again.headers["etag"] == '"2"'
    assert answer.json()["data"]["subject"] == "Outra"
    assert stale.status_code == 412
    (event,) = await records.events("ticket.updated")
    assert event["payload"]["changed"] == ["priority", "subject"]


async def test_status_is_no_field_to_patch(ana: Person) -> None:
    ticket = await make_ticket(ana)

    answer = await ana.patch(f"{TICKETS}/{ticket['id']}", {"status": "closed"})

    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "body.status"


async def test_ticket_lives_from_open_to_closed_and_back(ana: Person, records: Records) -> None:
    ticket = await make_ticket(ana)
    seen = []
    for move in ("pend", "hold", "resolve", "close", "reopen"):
        moved = await _move(ana, ticket, move)
        assert moved.status_code == 200, moved.text
        seen.append((moved.json()["data"]["status"], moved.headers["etag"]))

    statuses = ("pending", "on_hold", "resolved", "closed", "open")
    assert seen == [(status, f'"{n}"') for n, status in enumerate(statuses, 2)]
    (event,) = await records.events("ticket.resolved")
    assert event["payload"]["ticket_id"] == ticket["id"]
    assert len(await records.events("ticket.updated")) == 5
    actions = ("ticket.pended", "ticket.held", "ticket.resolved", "ticket.closed")
    for action in (*actions, "ticket.reopened"):
        assert len(await records.audit(action)) == 1, action


async def test_illegal_move_names_the_legal_ones(ana: Person, records: Records) -> None:
    ticket = await make_ticket(ana)

    answer = await _move(ana, ticket, "close")

    body = answer.json()
    assert (answer.status_code, body["code"]) == (409, "ILLEGAL_TICKET_MOVE")
    assert body["message"].startswith("O chamado está novo: não é possível fechar.")
    assert {"field": "move", "message": "resolve", "type": "legal_move"} in body["details"]
    assert (await ana.seen(f"{TICKETS}/{ticket['id']}"))["version"] == 1
    assert await records.events("ticket.updated") == []


async def test_stale_move_is_refused(ana: Person) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"
    await ana.patch(path, {"priority": "low"})

    answer = await ana.post(f"{path}/resolve", {}, headers={"if-match": '"1"'})

    assert answer.status_code == 412


async def test_note_of_a_move_is_kept_as_a_note(ana: Person) -> None:
    ticket = await make_ticket(ana)

    await _move(ana, ticket, "hold", {"note": "Aguardando o laudo."})

    (message,) = await ana.seen(f"{TICKETS}/{ticket['id']}/messages")
    assert (message["kind"], message["body"]) == ("note", "Aguardando o laudo.")


async def test_ticket_is_assigned_to_a_member_and_taken_back(
    ana: Person, bruno: Person, records: Records
) -> None:
    ticket = await make_ticket(ana)
    await bruno.seen("/api/v1/me")

    assigned = await _move(ana, ticket, "assign", {"assignee_id": BRUNO})
    mine = await ana.seen(TICKETS, assignee_id=BRUNO)
    freed = await _move(ana, ticket, "assign", {"assignee_id": None})

    assert assigned.json()["data"]["assignee_id"] == BRUNO
    assert [found["id"] for found in mine] == [ticket["id"]]
    assert freed.json()["data"]["assignee_id"] is None
    assert [row["changed"] for row in await records.audit("ticket.assigned")] == [
        ["assignee_id", "status"],  # who takes it up, opens it
        ["assignee_id"],
    ]


async def test_stranger_cannot_be_assigned(ana: Person, beto: Person) -> None:
    ticket = await make_ticket(ana)
    await beto.seen("/api/v1/me")

    for stranger in (str(new_id()), str(PEOPLE["beto"].sub)):
        answer = await _move(ana, ticket, "assign", {"assignee_id": stranger})
        assert (answer.status_code, answer.json()["code"]) == (404, "MEMBER_UNKNOWN")


async def test_closed_ticket_is_not_assigned(ana: Person) -> None:
    ticket = await make_ticket(ana)
    await _move(ana, ticket, "resolve")

    answer = await _move(ana, ticket, "assign", {"assignee_id": None})

    assert (answer.status_code, answer.json()["code"]) == (409, "ILLEGAL_TICKET_MOVE")


async def test_messages_are_kept_in_order_with_their_authors(
    ana: Person, bruno: Person, records: Records
) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}/messages"

    said = [
        await bruno.made(path, {"kind": "reply", "body": "Bom dia!\n\nVamos verificar."}),
        await bruno.made(path, {"kind": "note", "body": "Ligar amanhã."}),
        await bruno.made(path, {"kind": "client", "body": "Obrigada."}),
    ]

    assert await ana.seen(path) == said
    assert [message["author_id"] for message in said] == [BRUNO, BRUNO, None]
    assert said[0]["body"] == "Bom dia!\n\nVamos verificar."
    first = (await ana.get(path, params={"limit": 2})).json()
    rest = await ana.seen(path, limit=2, cursor=first["meta"]["next_cursor"])
    assert first["data"] + rest == said
    events = await records.events("ticket.updated")
    first, *others = [event["payload"]["changed"] for event in events]
    assert first == ["first_replied_at", "last_message_at", "messages", "status"]
    assert others == 2 * [["last_message_at", "messages"]]
    assert "Obrigada" not in str(events + await records.audit("ticket.message_added"))


@pytest.mark.parametrize("move", ["pend", "resolve"])
async def test_client_message_wakes_the_ticket_up(ana: Person, move: str) -> None:
    ticket = await make_ticket(ana)
    await _move(ana, ticket, move)

    await ana.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": "client", "body": "E agora?"})

    woken = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert (woken["status"], woken["resolved_at"]) == ("open", None)


async def test_closed_ticket_takes_notes_only(ana: Person) -> None:
    ticket = await make_ticket(ana)
    for move in ("resolve", "close"):
        await _move(ana, ticket, move)
    path = f"{TICKETS}/{ticket['id']}/messages"

    reply = await ana.post(path, {"kind": "reply", "body": "Tarde."})
    note = await ana.post(path, {"kind": "note", "body": "Arquivado."})

    assert (reply.status_code, note.status_code) == (409, 201)


async def test_filters_narrow(ana: Person) -> None:
    client = await make_client(ana)
    urgent = await make_ticket(ana, client["id"], priority="urgent", tags=["Poda"])
    pending = await make_ticket(ana, client["id"], channel="phone")
    other = await make_ticket(ana)
    await _move(ana, pending, "pend")

    async def found(**params: Any) -> set[int]:
        return {ticket["number"] for ticket in await ana.seen(TICKETS, **params)}

    everything = {urgent["number"], pending["number"], other["number"]}
    assert await found() == await found(status=["new", "pending"]) == everything
    assert await found(status="pending") == {pending["number"]}
    assert await found(priority=["urgent", "high"]) == {urgent["number"]}
    assert await found(channel="phone") == {pending["number"]}
    assert await found(client_id=client["id"]) == {urgent["number"], pending["number"]}
    assert await found(tag="poda") == {urgent["number"]}


@pytest.mark.parametrize("sort", ["created_at", "-created_at", "updated_at", "number", "-number"])
async def test_pages_hold_every_ticket_once(ana: Person, sort: str) -> None:
    client = await make_client(ana)
    numbers = [(await make_ticket(ana, client["id"]))["number"] for _ in range(5)]
    seen: list[int] = []
    cursor = None
    while True:
        params = {"sort": sort, "limit": 2} | ({"cursor": cursor} if cursor else {})
        body = (await ana.get(TICKETS, params=params)).json()
        seen += [ticket["number"] for ticket in body["data"]]
        cursor = body["meta"]["next_cursor"]
        if cursor is None:
            break

    assert seen == (numbers[::-1] if sort.startswith("-") else numbers)


async def test_lists_take_a_fixed_number_of_queries(ana: Person, statements: list[str]) -> None:
    tickets = [await make_ticket(ana) for _ in range(3)]
    calls: list[tuple[str, dict[str, Any], int]] = [
        (TICKETS, {}, 1),
        (TICKETS, {"page": 1}, 2),
        (f"{TICKETS}/search", {"q": "certidão"}, 7),
        (f"{TICKETS}/{tickets[0]['id']}", {}, 1),
        (f"{TICKETS}/{tickets[0]['id']}/messages", {}, 2),
    ]
    for path, params, queries in calls:
        statements.clear()
        await ana.seen(path, **params)
        assert len(statements) == queries, path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("certidões", {1}),  # inflected
        ("CERTIDAO atrasada", {1}),
        ("impr", {2}),  # begun
        ("impressora queimada", {2}),
        ("2", {2}),
        ("#3", {3}),
        ("de", set()),  # says nothing
        ("!!! & | ( ' \\ :*", set()),
        ("certidão impressora", set()),
    ],
)
async def test_search_finds_words_and_numbers(ana: Person, text: str, found: set[int]) -> None:
    client = (await make_client(ana))["id"]
    await make_ticket(ana, client, subject="Certidão atrasada", description="Pedida em março.")
    await make_ticket(ana, client, subject="Defeito", description="Impressora queimou, queimada.")
    await make_ticket(ana, client, subject="Galho", description="Na fiação.")

    tickets = await ana.seen(f"{TICKETS}/search", q=text)

    assert {ticket["number"] for ticket in tickets} == found


async def test_search_prefers_the_subject(ana: Person) -> None:
    client = (await make_client(ana))["id"]
    in_subject = await make_ticket(ana, client, subject="Poda", description="Na praça.")
    in_text = await make_ticket(ana, client, subject="Praça", description="Falta poda.")

    found = await ana.seen(f"{TICKETS}/search", q="poda")

    assert [ticket["id"] for ticket in found] == [in_subject["id"], in_text["id"]]
