"""What is said about a ticket: mentions, drafts, edits and their history."""

from typing import Any

import pytest
from core_api_factories import TICKETS, Person, make_ticket
from core_api_records import Records

from devstack.people import PEOPLE
from shared_schemas.ids import new_id

ANA, BRUNO, BETO = (str(PEOPLE[name].sub) for name in ("ana", "bruno", "beto"))


async def _messages(person: Person) -> str:
    return f"{TICKETS}/{(await make_ticket(person))['id']}/messages"


async def test_mentioned_members_are_told(ana: Person, bruno: Person, records: Records) -> None:
    await bruno.seen("/api/v1/me")
    path = await _messages(ana)

    note = await ana.made(path, {"kind": "note", "body": "Veja.", "mentions": [BRUNO, ANA, BRUNO]})
    await ana.patch(f"{path}/{note['id']}", {"body": "Vejam.", "mentions": [ANA]})

    assert note["mentions"] == [BRUNO, ANA]
    (event,) = await records.events("ticket.mentioned")
    assert event["payload"]["member_ids"] == [BRUNO, ANA]
    assert event["payload"]["message_id"] == note["id"]
    assert (await ana.seen(path))[0]["mentions"] == [ANA]


async def test_only_members_and_only_among_attendants_are_mentioned(
    ana: Person, beto: Person, records: Records
) -> None:
    await beto.seen("/api/v1/me")
    path = await _messages(ana)

    for stranger in (BETO, str(new_id())):
        answer = await ana.post(path, {"kind": "note", "body": "x", "mentions": [stranger]})
        assert (answer.status_code, answer.json()["code"]) == (404, "MEMBER_UNKNOWN")
    of_client = await ana.post(path, {"kind": "client", "body": "x", "mentions": [ANA]})
    draft = await ana.made(path, {"kind": "draft", "body": "x"})
    of_draft = await ana.patch(f"{path}/{draft['id']}", {"body": "y", "mentions": [ANA]})

    assert (of_client.status_code, of_draft.status_code) == (422, 422)
    assert await ana.seen(path) == [draft]
    assert await records.events("ticket.mentioned") == []


async def test_messages_added_are_told_with_who_speaks(ana: Person, records: Records) -> None:
    path = await _messages(ana)

    for kind in ("reply", "note", "client", "draft"):
        await ana.made(path, {"kind": kind, "body": "x"})

    kinds = [e["payload"]["kind"] for e in await records.events("ticket.message_added")]
    assert kinds == ["reply", "note", "client"]  # a draft is not said
    assert len(await records.audit("ticket.drafted")) == 1


async def test_draft_becomes_a_reply_of_whoever_sends_it(
    ana: Person, bruno: Person, records: Records
) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}/messages"
    draft = await ana.made(path, {"kind": "draft", "body": "Bom dia! Sai amanhã."})
    before = await ana.seen(f"{TICKETS}/{ticket['id']}")

    stale = await bruno.post(f"{path}/{draft['id']}/send", headers={"if-match": '"7"'})
    sent = await bruno.made(f"{path}/{draft['id']}/send", None)
    again = await bruno.post(f"{path}/{draft['id']}/send")

    assert (before["status"], before["last_message_at"]) == ("new", None)
    assert stale.status_code == 412
    assert (sent["kind"], sent["author_id"], sent["drafted_by"]) == ("reply", BRUNO, ANA)
    after = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert after["status"] == "open"
    assert after["first_replied_at"] == after["last_message_at"] == sent["created_at"]
    assert (again.status_code, again.json()["code"]) == (409, "MESSAGE_NOT_A_DRAFT")
    (event,) = await records.events("ticket.message_added")
    assert event["payload"]["message_id"] == draft["id"]


async def test_discarded_draft_is_gone_and_nothing_else_can_be_discarded(
    ana: Person, bruno: Person, records: Records
) -> None:
    path = await _messages(ana)
    draft = await ana.made(path, {"kind": "draft", "body": "x"})
    reply = await ana.made(path, {"kind": "reply", "body": "y"})

    gone = await bruno.delete(f"{path}/{draft['id']}")
    refused = await bruno.delete(f"{path}/{reply['id']}")

    assert gone.status_code == 204
    assert (refused.status_code, refused.json()["code"]) == (409, "MESSAGE_NOT_A_DRAFT")
    assert [message["id"] for message in await ana.seen(path)] == [reply["id"]]
    for answer in (
        await ana.get(f"{path}/{draft['id']}"),
        await ana.post(f"{path}/{draft['id']}/send"),
        await ana.patch(f"{path}/{draft['id']}", {"body": "z"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "MESSAGE_NOT_FOUND")
    assert len(await records.audit("ticket.draft_discarded")) == 1


async def test_edit_keeps_what_was_said(ana: Person, bruno: Person, records: Records) -> None:
    path = await _messages(ana)
    said = await bruno.made(path, {"kind": "reply", "body": "Às 10."})
    mine = f"{path}/{said['id']}"

    first = await bruno.patch(mine, {"body": "Às 11."}, headers={"if-match": '"1"'})
    by_admin = await ana.patch(mine, {"body": "Às 12."})
    same = await ana.patch(mine, {"body": "Às 12."})
    stale = await bruno.patch(mine, {"body": "Às 13."}, headers={"if-match": '"1"'})

    assert (first.headers["etag"], by_admin.headers["etag"]) == ('"2"', '"3"')
    assert same.headers["etag"] == '"3"'
    assert stale.status_code == 412
    now = await ana.seen(mine)
    assert (now["body"], now["author_id"]) == ("Às 12.", BRUNO)
    assert now["edited_at"] is not None
    history = await ana.seen(f"{mine}/revisions")
    assert [(r["revision"], r["body"], r["replaced_by"]) for r in history] == [
        (1, "Às 10.", BRUNO),
        (2, "Às 11.", ANA),
    ]
    edited = await records.audit("ticket.message_edited")
    assert [row["values"]["messages"] for row in edited] == [
        {"from": 1, "to": 2},
        {"from": 2, "to": 3},
    ]
    assert "Às 1" not in str(edited + await records.events("ticket.updated"))


async def test_only_author_and_admin_edit_and_nobody_what_a_client_said(
    ana: Person, bruno: Person
) -> None:
    path = await _messages(ana)
    of_ana = await ana.made(path, {"kind": "note", "body": "x"})
    of_client = await ana.made(path, {"kind": "client", "body": "x"})
    draft = await ana.made(path, {"kind": "draft", "body": "x"})

    async def edited(person: Person, message: dict[str, Any]) -> tuple[int, str | None]:
        answer = await person.patch(f"{path}/{message['id']}", {"body": "y"})
        return answer.status_code, answer.json().get("code")

    assert await edited(bruno, of_ana) == (403, "MESSAGE_NOT_YOURS")
    assert await edited(ana, of_client) == (409, "MESSAGE_NOT_EDITABLE")
    assert await edited(bruno, draft) == (200, None)


async def test_first_reply_is_dated_once(ana: Person) -> None:
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"

    await ana.made(f"{path}/messages", {"kind": "note", "body": "x"})
    assert (await ana.seen(path))["first_replied_at"] is None
    first = await ana.made(f"{path}/messages", {"kind": "reply", "body": "x"})
    for move in ("resolve", "reopen"):
        await ana.made(f"{path}/{move}", None)
    await ana.made(f"{path}/messages", {"kind": "reply", "body": "y"})

    assert (await ana.seen(path))["first_replied_at"] == first["created_at"]


async def test_message_of_another_ticket_or_organization_is_unknown(
    ana: Person, beto: Person
) -> None:
    here, elsewhere = await _messages(ana), await _messages(ana)
    message = await ana.made(elsewhere, {"kind": "draft", "body": "x"})

    for person, path, code in (
        (ana, here, "MESSAGE_NOT_FOUND"),
        (beto, elsewhere, "TICKET_NOT_FOUND"),
    ):
        one = f"{path}/{message['id']}"
        for answer in (
            await person.get(one),
            await person.get(f"{one}/revisions"),
            await person.patch(one, {"body": "y"}),
            await person.post(f"{one}/send"),
            await person.delete(one),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, code)


@pytest.mark.parametrize("count", [1, 3])
async def test_lists_of_messages_take_a_fixed_number_of_queries(
    ana: Person, statements: list[str], count: int
) -> None:
    path = await _messages(ana)
    said = [await ana.made(path, {"kind": "reply", "body": "x"}) for _ in range(count)]
    message = said[-1]
    for number in range(count):
        await ana.patch(f"{path}/{message['id']}", {"body": str(number)})

    for listed, queries in ((path, 2), (f"{path}/{message['id']}/revisions", 3)):
        statements.clear()
        await ana.seen(listed)
        assert len(statements) == queries, listed
