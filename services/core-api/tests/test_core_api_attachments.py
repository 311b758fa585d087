"""Files of tickets: kept, refused, bound to messages, deleted."""

import hashlib
from itertools import pairwise
from typing import Any

import httpx
import pytest
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_ticket
from core_api_files import EXE, PDF, PNG
from core_api_records import Records
from erasure_factories import lift_hold, place_hold

from core_api.modules.attachments import service as limits
from core_api.modules.attachments.intake import MAX_BYTES
from core_api.workplace import Workplace
from shared_schemas.ids import new_id


async def attach(
    person: Person, ticket_id: str, raw: bytes = PDF, name: str = "laudo.pdf", **fields: Any
) -> httpx.Response:
    """Uploads a file to a ticket."""
    headers = fields.pop("headers", {})
    return await person.call(
        "POST",
        f"{TICKETS}/{ticket_id}/attachments",
        files={"file": (name, raw)},
        data=fields,
        headers=headers,
    )


async def objects(workplace: Workplace) -> set[str]:
    return {listed.key.rpartition("/")[2] async for listed in workplace.storage.list()}


@pytest.fixture(autouse=True)
async def _empty(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix("")


async def test_while_a_legal_hold_stands_no_file_of_the_client_is_deleted(
    ana: Person, bruno: Person, beto: Person, workplace: Workplace
) -> None:
    ticket, others = await make_ticket(bruno), await make_ticket(bruno)
    path = f"{TICKETS}/{ticket['id']}/attachments"
    file = (await attach(bruno, ticket["id"])).json()["data"]
    free = (await attach(bruno, others["id"])).json()["data"]
    other = await make_client(ana)
    hold = await place_hold(ana, other["id"])  # on an entry of the same person, joined later
    merge = {"other_id": other["id"]}
    await ana.made(f"{CLIENTS}/{ticket['client_id']}/merge", merge)

    held = await bruno.delete(f"{path}/{file['id']}")

    assert (held.status_code, held.json()["code"]) == (409, "ATTACHMENT_HELD")
    assert "suspensão legal" in held.json()["message"]
    assert file["id"] in await objects(workplace)
    assert (await beto.delete(f"{path}/{file['id']}")).status_code == 404
    deleted = await bruno.delete(f"{TICKETS}/{others['id']}/attachments/{free['id']}")
    assert deleted.status_code == 204
    await lift_hold(ana, hold["id"])
    assert (await bruno.delete(f"{path}/{file['id']}")).status_code == 204


async def test_a_file_is_kept_told_by_its_content_and_listed(
    bruno: Person, vera: Person, workplace: Workplace, records: Records
) -> None:
    ticket = await make_ticket(bruno)

    answer = await attach(bruno, ticket["id"], PNG, "C:\\fotos\\Certidão.pdf")

    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert (made["name"], made["media_type"]) == ("Certidão.pdf", "image/png")
    assert made["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert (made["size_bytes"], made["scan"], made["message_id"]) == (len(PNG), "unscanned", None)
    assert await vera.seen(f"{TICKETS}/{ticket['id']}/attachments") == [made]
    assert await objects(workplace) == {made["id"]}
    [noted] = await records.audit("attachment.added")
    assert noted["subject_id"] == made["id"]
    assert "Certidão" not in str(noted["values"])
    updates = await records.events("ticket.updated")
    assert updates[-1]["payload"]["changed"] == ["attachments"]


@pytest.mark.parametrize(
    ("raw", "name", "status", "code"),
    [
        (EXE, "laudo.pdf", 415, "ATTACHMENT_TYPE_REFUSED"),
        (b"", "laudo.pdf", 422, "ATTACHMENT_EMPTY"),
        (b"%PDF-1.7" + bytes(MAX_BYTES), "grande.pdf", 413, "ATTACHMENT_TOO_LARGE"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    bruno: Person, workplace: Workplace, raw: bytes, name: str, status: int, code: str
) -> None:
    ticket = await make_ticket(bruno)

    answer = await attach(bruno, ticket["id"], raw, name)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments") == []
    assert await objects(workplace) == set()


async def test_a_body_without_a_file_says_so(bruno: Person) -> None:
    ticket = await make_ticket(bruno)
    path = f"{TICKETS}/{ticket['id']}/attachments"

    no_file = await bruno.call("POST", path, data={"a": "b"}, files={"outro": ("a", b"b")})
    no_form = await bruno.post(path, {})
    odd_id = await attach(bruno, ticket["id"], message_id="nada")

    assert (no_file.status_code, no_form.status_code, odd_id.status_code) == (422, 415, 422)


async def test_another_organizations_ticket_is_one_that_does_not_exist(
    bruno: Person, beto: Person, workplace: Workplace
) -> None:
    ticket = await make_ticket(bruno)
    made = (await attach(bruno, ticket["id"])).json()["data"]
    path = f"{TICKETS}/{ticket['id']}/attachments"

    for method, where in (("GET", path), ("DELETE", f"{path}/{made['id']}")):
        assert (await beto.call(method, where)).status_code == 404
    assert (await beto.post(f"{path}/{made['id']}/link")).status_code == 404
    assert (await attach(beto, ticket["id"])).status_code == 404
    assert (await attach(bruno, str(new_id()))).status_code == 404
    assert await objects(workplace) == {made["id"]}


async def test_a_viewer_reads_and_changes_nothing(bruno: Person, vera: Person) -> None:
    ticket = await make_ticket(bruno)
    made = (await attach(bruno, ticket["id"])).json()["data"]

    assert (await attach(vera, ticket["id"])).status_code == 403
    deleted = await vera.delete(f"{TICKETS}/{ticket['id']}/attachments/{made['id']}")
    assert deleted.status_code == 403


async def test_a_message_takes_pending_attachments_once(bruno: Person, records: Records) -> None:
    ticket = await make_ticket(bruno)
    first = (await attach(bruno, ticket["id"])).json()["data"]
    messages = f"{TICKETS}/{ticket['id']}/messages"
    body = {"kind": "reply", "body": "Segue o laudo.", "attachment_ids": [first["id"]]}

    said = await bruno.made(messages, body)
    again = await bruno.post(messages, body)
    late = await attach(bruno, ticket["id"], PNG, "foto.png", message_id=said["id"])

    listed = await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments")
    assert [each["message_id"] for each in listed] == [said["id"], said["id"]]
    assert (again.status_code, again.json()["code"]) == (422, "ATTACHMENT_NOT_PENDING")
    assert late.status_code == 201
    assert len(await bruno.seen(messages)) == 1
    [noted] = await records.audit("attachment.bound")
    assert noted["values"]["message_id"] == {"from": None, "to": said["id"]}


async def test_attachments_of_another_ticket_are_not_taken(bruno: Person) -> None:
    ticket, other = await make_ticket(bruno), await make_ticket(bruno)
    made = (await attach(bruno, other["id"])).json()["data"]
    said = await bruno.made(f"{TICKETS}/{other['id']}/messages", {"kind": "note", "body": "Ok."})

    taken = await bruno.post(
        f"{TICKETS}/{ticket['id']}/messages",
        {"kind": "note", "body": "Este.", "attachment_ids": [made["id"]]},
    )
    bound = await attach(bruno, ticket["id"], message_id=said["id"])

    assert (taken.status_code, bound.status_code) == (422, 422)


async def test_a_ticket_merged_twice_takes_its_attachments_along(bruno: Person) -> None:
    first = await make_ticket(bruno)
    others = [
        await bruno.made(
            TICKETS,
            {"client_id": first["client_id"], "subject": "De novo", "description": "Outra vez."},
        )
        for _ in range(2)
    ]
    bound = (await attach(bruno, first["id"], name="a.pdf")).json()["data"]
    said = {"kind": "note", "body": "Veja.", "attachment_ids": [bound["id"]]}
    await bruno.made(f"{TICKETS}/{first['id']}/messages", said)
    pending = (await attach(bruno, first["id"], name="b.pdf")).json()["data"]
    merged = [first, *others]
    for source, target in pairwise(merged):
        into = {"into_ticket_id": target["id"]}
        assert (await bruno.post(f"{TICKETS}/{source['id']}/merge", into)).status_code == 200
    last = f"{TICKETS}/{others[1]['id']}"

    seen = await bruno.seen(f"{last}/attachments")
    link = await bruno.post(f"{last}/attachments/{bound['id']}/link", {})
    taken = {"kind": "reply", "body": "Segue.", "attachment_ids": [pending["id"]]}

    assert [each["id"] for each in seen] == [bound["id"], pending["id"]]
    assert link.status_code == 200, link.text
    assert (await bruno.post(f"{last}/messages", taken)).status_code == 201


async def test_what_is_sent_to_a_merged_ticket_is_with_the_one_that_goes_on(
    bruno: Person, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = await make_ticket(bruno)
    ticket = await make_ticket(bruno, merged["client_id"])
    note = await bruno.made(
        f"{TICKETS}/{merged['id']}/messages", {"kind": "note", "body": "Segue o laudo."}
    )
    await bruno.made(f"{TICKETS}/{merged['id']}/merge", {"into_ticket_id": ticket["id"]})

    pending = (await attach(bruno, merged["id"])).json()["data"]
    noted = (await attach(bruno, merged["id"], message_id=note["id"])).json()["data"]
    reply = await bruno.made(
        f"{TICKETS}/{ticket['id']}/messages",
        {"kind": "reply", "body": "Em anexo.", "attachment_ids": [pending["id"]]},
    )

    added = await records.audit("attachment.added")
    assert [row["related"]["ticket_id"] for row in added] == [ticket["id"]] * 2
    shown = await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments")
    assert [(each["id"], each["message_id"]) for each in shown] == [
        (pending["id"], reply["id"]),
        (noted["id"], note["id"]),
    ]
    monkeypatch.setattr(limits, "MAX_FILES", 2)
    full = await attach(bruno, merged["id"])
    assert (full.status_code, full.json()["code"]) == (409, "TICKET_ATTACHMENTS_FULL")


async def test_a_discarded_draft_takes_its_attachments_along(bruno: Person) -> None:
    path = f"{TICKETS}/{(await make_ticket(bruno))['id']}"
    draft = await bruno.made(f"{path}/messages", {"kind": "draft", "body": "Segue."})
    ticket_id = draft["ticket_id"]
    file = (await attach(bruno, ticket_id, message_id=draft["id"])).json()["data"]
    await bruno.delete(f"{path}/messages/{draft['id']}")

    seen = await bruno.seen(f"{path}/attachments")
    link = await bruno.post(f"{path}/attachments/{file['id']}/link", {})
    late = await attach(bruno, ticket_id, message_id=draft["id"])

    assert seen == []
    assert (link.status_code, late.status_code) == (404, 422)


async def test_deleting_is_written_down_and_takes_the_object_along(
    bruno: Person, workplace: Workplace, records: Records
) -> None:
    ticket = await make_ticket(bruno)
    made = (await attach(bruno, ticket["id"])).json()["data"]
    path = f"{TICKETS}/{ticket['id']}/attachments/{made['id']}"

    deleted = await bruno.delete(path, headers={"x-change-reason": "Enviado%20por%20engano"})

    assert deleted.status_code == 204
    assert (await bruno.delete(path)).status_code == 404
    assert await objects(workplace) == set()
    [noted] = await records.audit("attachment.deleted")
    assert noted["reason"] == "Enviado por engano"
    assert noted["values"]["sha256"] == {"from": made["sha256"], "to": None}


async def test_a_ticket_holds_so_much_and_no_more(
    bruno: Person, workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await make_ticket(bruno)
    monkeypatch.setattr(limits, "MAX_BYTES_PER_TICKET", len(PDF) + 10)
    kept = (await attach(bruno, ticket["id"])).json()["data"]

    full = await attach(bruno, ticket["id"])

    assert (full.status_code, full.json()["code"]) == (409, "TICKET_ATTACHMENTS_FULL")
    assert await objects(workplace) == {kept["id"]}


async def test_repeated_with_its_key_it_is_one_attachment(
    bruno: Person, workplace: Workplace
) -> None:
    ticket = await make_ticket(bruno)
    keyed: dict[str, Any] = {"headers": {"idempotency-key": "anexo-1"}}

    first = await attach(bruno, ticket["id"], **keyed)
    again = await attach(bruno, ticket["id"], **keyed)

    assert first.json()["data"] == again.json()["data"]
    assert await objects(workplace) == {first.json()["data"]["id"]}


async def test_listing_costs_the_same_for_one_and_for_many(
    bruno: Person, statements: list[str]
) -> None:
    ticket = await make_ticket(bruno)
    costs = []
    for _ in range(2):
        for _ in range(3):
            await attach(bruno, ticket["id"])
        statements.clear()
        await bruno.seen(f"{TICKETS}/{ticket['id']}/attachments")
        costs.append(len(statements))
    assert costs == [2, 2]
