"""A person is erased from core-api: nothing of them is left, others are untouched, it is proven."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import CLIENTS, INTERNAL_KEY, TICKETS, Person, make_client, make_ticket
from core_api_neighbour import ERASURE_PREVIEW, Neighbour, answered
from core_api_records import Records
from erasure_factories import (
    ERASURES,
    MARKERS,
    Planted,
    answer_of,
    execute,
    fingerprints,
    import_file,
    keys_with,
    merge_in,
    objects_with,
    plant,
    rows_with,
    signer_of,
    sweep,
)
from privacy_factories import REQUESTS, make_proven

from chassis.data.database import Database
from chassis.messaging.streams import dead_letters_of
from core_api.modules.erasure import sweeping
from core_api.modules.erasure.finishing import finish, note_answer
from core_api.modules.erasure.suppression import key_of
from core_api.modules.tickets.search import words as search_words
from core_api.subject_stores import ERASED_NAME, ERASED_TEXT, Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed
TENANT = OrganizationId(AURORA.id)


@pytest.fixture(autouse=True)
async def _empty(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix("")


async def erased(
    person: Person, planted: Planted, workshop: Workshop, workplace: Workplace, database: Database
) -> dict[str, object]:
    """The erasure, once every service has done its part."""
    erasure = await execute(person, planted)
    await sweep(workshop, workplace)
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, answer_of(erasure))
    done = await sweep(workshop, workplace)
    assert done.completed == 1
    found: dict[str, object] = await person.seen(f"{ERASURES}/{erasure['id']}")
    return found


@pytest.mark.leaks_on_purpose
async def test_nothing_of_a_person_is_left_anywhere(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    planted = await plant(ana)
    await merge_in(ana, planted)
    await import_file(ana)
    async with database.transaction(TENANT) as tx:  # as the consumer does
        await search_words.learn(tx, TENANT, [UUID(ticket) for ticket in planted.tickets])
    assert "crm.ticket_words" in await rows_with(superuser, MARKERS["subject"])
    letters = [dead_letters_of(service) for service in ("core-api", "ai-svc", "worker-svc")]
    cause = f"{AURORA.id} Error: {MARKERS['email']}"
    for stream in letters:
        await workshop.redis.xadd(stream, {"cause": cause, "died_at": "2026-11-21T00:00:00+00:00"})
    for place in ("name", "email", "subject", "message", "edited", "note", "view", "reason"):
        assert await rows_with(superuser, MARKERS[place]), f"{place} was not planted"
    assert objects_with(workplace, MARKERS["file content"])

    await erased(ana, planted, workshop, workplace, database)

    left = {place: await rows_with(superuser, marker) for place, marker in MARKERS.items()}
    assert {place: found for place, found in left.items() if found} == {}
    for marker in MARKERS.values():
        assert objects_with(workplace, marker) == []
        assert await keys_with(workshop.redis, marker) == []
    await workshop.redis.delete(*letters)


async def test_tickets_stay_in_the_statistics_and_are_found_no_more(
    ana: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana, tickets=2)
    await erased(ana, planted, workshop, workplace, database)

    ticket = await ana.seen(f"{TICKETS}/{planted.tickets[0]}")
    assert (ticket["subject"], ticket["description"]) == (ERASED_TEXT, ERASED_TEXT)
    assert (ticket["tags"], ticket["client_id"]) == ([], planted.id)
    (message,) = await ana.seen(f"{TICKETS}/{planted.tickets[0]}/messages")
    assert message["body"] == ERASED_TEXT
    assert await ana.seen(f"{TICKETS}/{planted.tickets[0]}/attachments") == []
    assert (await ana.get(f"{CLIENTS}/{planted.id}")).status_code == 404
    for word in (MARKERS["subject"], MARKERS["name"], MARKERS["message"]):
        assert await ana.seen(f"{TICKETS}/search", q=word) == []
        assert await ana.seen(f"{CLIENTS}/search", q=word) == []


async def test_a_reason_said_afterwards_brings_no_key_back_and_opens_for_nobody(
    ana: Person,
    davi: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
    records: Records,
) -> None:
    planted = await plant(ana, tickets=1)
    await erased(ana, planted, workshop, workplace, database)

    reason = {"x-access-reason": quote(f"Pedido de {MARKERS['name']}")}
    read = await davi.get(f"{TICKETS}/{planted.tickets[0]}", headers=reason)

    assert read.status_code == 200
    keys = "SELECT count(*) FROM crm.subject_keys WHERE client_id = $1::uuid"
    assert await superuser.fetchval(keys, planted.id) == 0
    (noted,) = await records.audit("ticket.contents_read")
    assert noted["reason"] is None
    assert noted["reason_sealed"] is not None


async def test_another_clients_rows_are_the_same_to_the_last_byte(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    other = await make_client(ana, name="Pedro da Silva", tags=["vip"])
    ticket = await make_ticket(ana, other["id"], subject="Outro assunto", tags=["vip"])
    await ana.made(f"{TICKETS}/{ticket['id']}/messages", {"kind": "note", "body": "Nada a ver"})
    planted = await plant(ana)
    before = await fingerprints(superuser, other["id"])

    await erased(ana, planted, workshop, workplace, database)

    assert await fingerprints(superuser, other["id"]) == before
    (found,) = await ana.seen(f"{TICKETS}/search", q="outro assunto")
    assert found["id"] == ticket["id"]


async def test_the_request_is_closed_with_a_signed_receipt_without_personal_data(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    records: Records,
) -> None:
    planted = await plant(ana)
    erasure = await erased(ana, planted, workshop, workplace, database)

    request = await ana.seen(f"{REQUESTS}/{planted.request_id}")
    assert (request["status"], request["receipt"]) == ("completed", erasure["receipt"])
    receipt = request["receipt"]
    fields = signer_of(workplace).opened(json.dumps(receipt).encode())
    assert fields is not None
    assert fields == receipt["statement"]
    assert [service["service"] for service in fields["services"]] == ["ai-svc", "core-api"]
    own = fields["services"][1]
    assert (own["erased"]["tickets"], own["erased"]["attachments"]) == (3, 3)
    assert (own["erased"]["message_revisions"], own["erased"]["subject_keys"]) == (3, 1)
    assert (own["kept"]["consents"], own["kept"]["consent_revocations"]) == (2, 1)
    assert "art. 8º" in fields["grounds"]["consents"]
    assert fields["services"][0]["erased"] == {"chunks": 3}
    for marker in MARKERS.values():
        assert marker not in json.dumps(receipt)
    tampered = {**receipt, "head": receipt["head"].replace('"tickets":3', '"tickets":4')}
    assert signer_of(workplace).opened(json.dumps(tampered).encode()) is None
    (event,) = await records.events("privacy.erasure_completed")
    assert event["payload"]["erased"] == own["erased"]
    (noted,) = await records.audit("erasure.completed")
    assert str(noted["about"]) == planted.id


async def test_the_ledger_and_the_chain_of_the_audit_log_still_verify(
    ana: Person, davi: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana)
    await erased(ana, planted, workshop, workplace, database)

    for chain in ("consents/ledger", "audit"):
        verified = await davi.seen(f"/api/v1/{chain}/verify")
        assert (verified["valid"], verified["links"] > 0) == (True, True), chain


async def test_who_was_erased_is_in_the_suppression_ledger_by_ids_alone(
    ana: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana)
    await merge_in(ana, planted)
    await erased(ana, planted, workshop, workplace, database)

    kept = await workplace.storage.read(f"suppression-ledger/{AURORA.id}/{planted.id}.json")
    fields = signer_of(workplace).opened(kept)
    assert fields is not None
    assert fields["client_ids"] == sorted([planted.id, planted.merged])
    assert set(fields) == {
        "kind",
        "organization_id",
        "client_id",
        "client_ids",
        "privacy_request_id",
        "erasure_id",
        "erased_at",
        "mode",
        "key",
    }


async def test_a_preview_says_what_is_where_and_what_must_be_kept(
    ana: Person, davi: Person, neighbour: Neighbour, workplace: Workplace
) -> None:
    planted = await plant(ana, tickets=2)
    theirs = {"store": "chunks", "label": "Trechos de documentos", "count": 7, "action": "erase"}
    neighbour.answers(
        ERASURE_PREVIEW, lambda _: answered({"service": "ai-svc", "stores": [theirs]})
    )

    preview = await davi.seen(f"{CLIENTS}/{planted.id}/erasure-preview")

    own, assistant = preview["services"]
    counts = {store["store"]: store for store in own["stores"]}
    assert (own["service"], own["available"]) == ("core-api", True)
    assert counts["tickets"]["count"] == 2
    assert counts["ticket_messages"]["action"] == "anonymise"
    assert counts["attachments"]["count"] == 2
    assert counts["client_notes"]["count"] == counts["saved_views"]["count"] == 1
    assert counts["consents"]["action"] == "keep"
    assert "art. 8º" in counts["consents"]["ground"]
    assert assistant["stores"][0]["count"] == 7
    assert preview["obstacles"] == []
    assert preview["totals"]["erase"] >= 7
    assert [path for path, _ in neighbour.asked] == [ERASURE_PREVIEW]
    assert neighbour.asked[0][1]["client_ids"] == [planted.id]
    assert MARKERS["name"] not in json.dumps(preview)


async def test_a_preview_names_the_service_that_does_not_answer(
    ana: Person, davi: Person, neighbour: Neighbour
) -> None:
    client = await make_client(ana)
    neighbour.is_down(ERASURE_PREVIEW)

    preview = await davi.seen(f"{CLIENTS}/{client['id']}/erasure-preview")

    assert [(one["service"], one["available"]) for one in preview["services"]] == [
        ("core-api", True),
        ("ai-svc", False),
    ]


async def test_another_organizations_client_is_one_that_does_not_exist(
    ana: Person, beto: Person
) -> None:
    client = await make_client(ana)
    theirs = await beto.get(f"{CLIENTS}/{client['id']}/erasure-preview")
    nobodys = await beto.get(f"{CLIENTS}/{new_id()}/erasure-preview")

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["code"] == nobodys.json()["code"] == "CLIENT_NOT_FOUND"


async def test_who_is_erased_is_not_erased_again(
    ana: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana, tickets=1)
    await erased(ana, planted, workshop, workplace, database)

    answer = await ana.post(REQUESTS, {"client_id": planted.id, "type": "erasure"})
    assert answer.status_code in {404, 409}, answer.text
    preview = await ana.seen(f"{CLIENTS}/{planted.id}/erasure-preview")
    assert preview["obstacles"] == ["already_erased"]
    assert (preview["totals"]["erase"], preview["totals"]["anonymise"]) == (0, 0)


async def test_two_erasures_at_once_are_one(ana: Person) -> None:
    client = await make_client(ana)
    first = await make_proven(ana, client_id=client["id"], type="erasure")
    await ana.made(f"{REQUESTS}/{first['id']}/execute", {})

    again = await ana.post(f"{REQUESTS}/{first['id']}/execute", {})
    other = await ana.post(REQUESTS, {"client_id": client["id"], "type": "erasure"})

    assert (again.status_code, other.status_code) == (409, 409)
    assert len(await ana.seen(ERASURES, client_id=client["id"])) == 1


async def test_the_sweep_is_for_the_worker_alone(ana: Person) -> None:
    path = "/internal/v1/erasures/sweep"
    refused = await ana.post(path)
    done = await ana.http.post(
        path, headers={"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
    )

    assert refused.status_code in {401, 403}
    assert done.json()["data"] == {"erased": 0, "completed": 0, "asked_again": 0, "waiting": 0}


async def test_an_erased_client_has_a_name_that_says_so(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    planted = await plant(ana, tickets=1)
    await erased(ana, planted, workshop, workplace, database)

    row = await superuser.fetchrow("SELECT * FROM crm.clients WHERE id = $1::uuid", planted.id)
    assert row is not None
    assert (row["name"], row["email"], row["document_sealed"]) == (ERASED_NAME, None, None)
    assert row["deleted_at"] is not None
    assert await workplace.storage.read(key_of(TENANT, row["id"]))


async def test_one_that_cannot_be_ended_keeps_no_other_open(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(2):
        request = await make_proven(ana, type="erasure")
        await ana.made(f"{REQUESTS}/{request['id']}/execute", {})
    stuck, other = sorted(await ana.seen(ERASURES), key=lambda erasure: str(erasure["id"]))
    await sweep(workshop, workplace)
    async with database.transaction(TENANT) as tx:
        for erasure in (stuck, other):
            await note_answer(tx, answer_of(erasure))

    async def ends(*given: Any) -> bool:
        if given[-1] == UUID(stuck["id"]):
            raise RuntimeError("a row nobody thought of")
        return await finish(*given)

    monkeypatch.setattr(sweeping, "finish", ends)
    done = await sweep(workshop, workplace)

    assert (done.completed, done.waiting) == (1, 1)
    parts = (await ana.seen(f"{ERASURES}/{stuck['id']}"))["parts"]
    assert {part["service"]: part["problem"] for part in parts}["core-api"] == "unavailable"
    monkeypatch.undo()
    assert (await sweep(workshop, workplace)).completed == 1
