"""Merging and splitting: nothing said is lost, and both tickets remember."""

from typing import Any
from uuid import UUID

import pytest
from core_api_factories import TICKETS, Person, make_client, make_ticket
from core_api_records import Records

from core_api.modules.tickets.repository import Tickets
from devstack.people import PEOPLE
from shared_schemas.ids import new_id

ANA, BRUNO = (str(PEOPLE[name].sub) for name in ("ana", "bruno"))


async def _say(person: Person, ticket: dict[str, Any], kind: str, body: str) -> Any:
    return await person.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": kind, "body": body})


async def _merge(person: Person, source: Any, target: Any, **request: Any) -> Any:
    given = {"into_ticket_id": target["id"], "reason": "O mesmo pedido."}
    return await person.post(f"{TICKETS}/{source['id']}/merge", given, **request)


async def _two(person: Person, count: int = 2, **changes: Any) -> list[dict[str, Any]]:
    client = (await make_client(person))["id"]
    return [await make_ticket(person, client, **changes) for _ in range(count)]


async def test_target_goes_on_with_what_both_had(
    ana: Person, bruno: Person, records: Records
) -> None:
    client = (await make_client(ana))["id"]
    source = await make_ticket(ana, client, tags=["poda", "praça"])
    target = await make_ticket(ana, client, tags=["praça"])
    said = [
        await _say(ana, target, "client", "um"),
        await _say(ana, source, "client", "dois"),
        await _say(ana, target, "note", "três"),
        await _say(ana, source, "note", "quatro"),
    ]
    await bruno.post(f"{TICKETS}/{source['id']}/watchers", {})

    answer = await _merge(ana, source, target)

    merged = answer.json()["data"]
    assert (answer.status_code, merged["id"], merged["status"]) == (200, target["id"], "new")
    assert merged["tags"] == ["praça", "poda"]
    assert merged["last_message_at"] == said[3]["created_at"]
    closed = await ana.seen(f"{TICKETS}/{source['id']}")
    assert (closed["status"], closed["merged_into_id"]) == ("closed", target["id"])
    assert closed["legal_moves"] == []
    shown = await ana.seen(f"{TICKETS}/{target['id']}/messages")
    assert [(m["id"], m["origin_ticket_id"]) for m in shown] == [
        (said[0]["id"], None),
        (said[1]["id"], source["id"]),
        (said[2]["id"], None),
        (said[3]["id"], source["id"]),
    ]
    there = await ana.seen(f"{TICKETS}/{source['id']}/messages")
    assert [m["body"] for m in there] == ["dois", "quatro"]
    watchers = await ana.seen(f"{TICKETS}/{target['id']}/watchers")
    assert [watcher["member_id"] for watcher in watchers] == [BRUNO]
    assert [t["id"] for t in await ana.seen(TICKETS, merged_into_id=target["id"])] == [source["id"]]
    (event,) = await records.events("ticket.merged")
    assert event["payload"]["ticket_id"] == source["id"]
    assert event["payload"]["into_ticket_id"] == target["id"]
    (here,), (absorbed,) = [await records.audit(a) for a in ("ticket.merged", "ticket.absorbed")]
    assert (here["subject_id"], absorbed["subject_id"]) == (source["id"], target["id"])
    assert here["values"]["status"] == {"from": "new", "to": "closed"}
    assert here["reason"] == absorbed["reason"] == "O mesmo pedido."


async def test_links_of_both_are_united_without_doubles_or_circles(ana: Person) -> None:
    source, target, child, parent, other = await _two(ana, 5)

    async def link(ticket: Any, to: Any, kind: str) -> None:
        path = f"{TICKETS}/{ticket['id']}/links"
        await ana.made(path, {"kind": kind, "ticket_id": to["id"]})

    await link(source, target, "duplicate")
    await link(child, source, "parent")
    await link(source, parent, "parent")
    await link(source, other, "related")
    await link(target, other, "related")
    await link(parent, target, "parent")  # so that the source's parent would be below the target

    await _merge(ana, source, target)

    links = await ana.seen(f"{TICKETS}/{target['id']}/links")
    assert {(link["relation"], link["ticket"]["id"]) for link in links} == {
        ("child", child["id"]),
        ("child", parent["id"]),
        ("related", parent["id"]),
        ("related", other["id"]),
    }
    assert await ana.seen(f"{TICKETS}/{source['id']}/links") == []


async def test_merged_ticket_hands_over_to_the_last_of_the_chain(ana: Person) -> None:
    first, second, third = await _two(ana, 3)
    said = await _say(ana, first, "note", "um")
    draft = await _say(ana, first, "draft", "rascunho")
    await _merge(ana, first, second)
    await _merge(ana, second, third)

    heard = await _say(ana, first, "client", "E agora?")
    sent = await ana.made(f"{TICKETS}/{third['id']}/messages/{draft['id']}/send", None)

    assert (heard["ticket_id"], heard["follow_up_of"]) == (third["id"], None)
    assert (sent["kind"], sent["origin_ticket_id"]) == ("reply", first["id"])
    shown = await ana.seen(f"{TICKETS}/{third['id']}/messages")
    assert [m["id"] for m in shown] == [said["id"], heard["id"], draft["id"]]
    edited = await ana.patch(
        f"{TICKETS}/{third['id']}/messages/{said['id']}", {"body": "um, corrigido"}
    )
    assert edited.status_code == 200


async def test_nothing_else_is_done_on_a_merged_ticket(ana: Person) -> None:
    source, target = await _two(ana)
    await _merge(ana, source, target)
    path = f"{TICKETS}/{source['id']}"

    calls = [
        await ana.patch(path, {"priority": "high"}),
        await ana.post(f"{path}/reopen"),
        await ana.post(f"{path}/assign", {"assignee_id": ANA}),
        await ana.post(f"{path}/messages", {"kind": "note", "body": "x"}),
        await ana.post(f"{path}/watchers", {}),
        await ana.post(f"{path}/links", {"kind": "related", "ticket_id": target["id"]}),
        await ana.post(f"{path}/split", {"message_ids": [str(new_id())], "subject": "x"}),
        await _merge(ana, source, target),
        await _merge(ana, target, source),
    ]

    assert {(a.status_code, a.json()["code"]) for a in calls} == {(409, "TICKET_MERGED")}
    assert calls[0].json()["details"] == [
        {"field": "merged_into_id", "message": target["id"], "type": None}
    ]


async def test_merge_is_refused_where_it_makes_no_sense(
    ana: Person, beto: Person, records: Records
) -> None:
    source, target = await _two(ana)
    stranger = await make_ticket(ana)
    done = await make_ticket(ana, source["client_id"])
    await ana.made(f"{TICKETS}/{done['id']}/resolve", None)
    theirs = await make_ticket(beto)

    answers = [
        await _merge(ana, source, source),
        await _merge(ana, source, stranger),
        await _merge(ana, source, done),
        await _merge(ana, source, theirs),
        await _merge(ana, source, {"id": str(new_id())}),
        await _merge(beto, source, theirs),
        await _merge(ana, source, target, headers={"if-match": '"9"'}),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [
        (409, "TICKET_WITH_ITSELF"),
        (409, "MERGE_ACROSS_CLIENTS"),
        (409, "ILLEGAL_TICKET_MOVE"),
        (404, "TICKET_NOT_FOUND"),
        (404, "TICKET_NOT_FOUND"),
        (404, "TICKET_NOT_FOUND"),
        (412, "PRECONDITION_FAILED"),
    ]
    assert await records.events("ticket.merged") == []
    assert await ana.seen(f"{TICKETS}/{source['id']}") == source


async def test_a_client_is_heard_though_the_ticket_is_merged_meanwhile(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = await _two(ana)
    await _merge(ana, source, target)
    standing_for, asked = Tickets.standing_for, list[UUID]()

    async def seen_before_the_merge(self: Tickets, ticket_id: UUID) -> UUID:
        asked.append(ticket_id)
        return ticket_id if len(asked) == 1 else await standing_for(self, ticket_id)

    monkeypatch.setattr(Tickets, "standing_for", seen_before_the_merge)
    heard = await _say(ana, source, "client", "Ainda espero.")

    assert (heard["ticket_id"], len(asked)) == (target["id"], 2)


async def test_chosen_messages_go_to_a_ticket_of_their_own(ana: Person, records: Records) -> None:
    (ticket,) = await _two(ana, 1, tags=["praça"], priority="high")
    kept = await _say(ana, ticket, "client", "A luz apagou.")
    moved = [
        await _say(ana, ticket, "client", "E o galho caiu."),
        await _say(ana, ticket, "reply", "Vamos podar."),
    ]
    given = {
        "message_ids": [message["id"] for message in reversed(moved)],
        "subject": "Galho caído",
        "reason": "Outro assunto.",
    }

    answer = await ana.post(f"{TICKETS}/{ticket['id']}/split", given)

    new = answer.json()["data"]
    assert (answer.status_code, new["number"], new["status"]) == (201, 2, "new")
    assert answer.headers["location"] == f"{TICKETS}/{new['id']}"
    assert (new["subject"], new["description"]) == ("Galho caído", "E o galho caiu.")
    same = ("client_id", "priority", "tags", "channel")
    assert [new[name] for name in same] == [ticket[name] for name in same]
    assert new["last_message_at"] == new["first_replied_at"] == moved[1]["created_at"]
    there = await ana.seen(f"{TICKETS}/{new['id']}/messages")
    assert [(m["id"], m["origin_ticket_id"]) for m in there] == [
        (message["id"], ticket["id"]) for message in moved
    ]
    here = await ana.seen(f"{TICKETS}/{ticket['id']}/messages")
    assert [message["id"] for message in here] == [kept["id"]]
    source = await ana.seen(f"{TICKETS}/{ticket['id']}")
    assert source["last_message_at"] == kept["created_at"]
    (link,) = await ana.seen(f"{TICKETS}/{ticket['id']}/links")
    assert (link["relation"], link["ticket"]["id"]) == ("split_into", new["id"])
    (event,) = await records.events("ticket.split")
    assert event["payload"]["new_ticket_id"] == new["id"]
    assert event["payload"]["message_ids"] == [message["id"] for message in moved]
    for action, subject in (("ticket.split", ticket), ("ticket.split_off", new)):
        (row,) = await records.audit(action)
        assert (row["subject_id"], row["reason"]) == (subject["id"], "Outro assunto.")


async def test_what_came_by_a_merge_can_be_split_off(ana: Person) -> None:
    source, target = await _two(ana)
    said = await _say(ana, source, "client", "Outra coisa.")
    await _merge(ana, source, target)

    new = await ana.made(
        f"{TICKETS}/{target['id']}/split", {"message_ids": [said["id"]], "subject": "Outra"}
    )

    (shown,) = await ana.seen(f"{TICKETS}/{new['id']}/messages")
    assert shown["origin_ticket_id"] == source["id"]
    assert await ana.seen(f"{TICKETS}/{target['id']}/messages") == []


@pytest.mark.parametrize("unknown", ["elsewhere", "nowhere"])
async def test_split_takes_messages_of_the_ticket_only(ana: Person, unknown: str) -> None:
    ticket, other = await _two(ana)
    said = await _say(ana, ticket, "note", "x")
    foreign = await _say(ana, other, "note", "y") if unknown == "elsewhere" else {"id": new_id()}
    given = {"message_ids": [said["id"], str(foreign["id"])], "subject": "z"}

    answer = await ana.post(f"{TICKETS}/{ticket['id']}/split", given)

    assert (answer.status_code, answer.json()["code"]) == (404, "MESSAGE_NOT_FOUND")
    assert len(await ana.seen(TICKETS)) == 2
