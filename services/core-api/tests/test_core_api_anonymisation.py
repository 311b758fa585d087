"""Nobody can tell any more who it was: identifiers go from every table, statistics stay."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from core_api_factories import (
    CLIENTS,
    INTERNAL_KEY,
    TICKETS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)
from core_api_inventory import PICTURE
from core_api_records import Records
from core_api_reidentification import found_in
from privacy_factories import REQUESTS, make_proven

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.anonymisation.scrubbing import Scrubber
from core_api.modules.erasure.finishing import note_answer
from core_api.modules.recipients.telling import follow_anonymisation, follow_erasure
from core_api.modules.tickets.search.words import learn
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.events import (
    PrivacyDataAnonymized,
    PrivacyErasureCompleted,
    PrivacyErasureRequested,
)
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed
SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
TENANT = OrganizationId(AURORA.id)
CPF = "52998224725"
PERSON: dict[str, Any] = {
    "name": "Zulmira Conceição Quaresma",
    "emails": [
        {"address": "zulmira.quaresma@example.com", "primary": True},
        {"address": "zq1974@correio.example.com"},
    ],
    "phones": [{"number": "(11) 98765-4321", "primary": True}, {"number": "(11) 3333-4444"}],
    "addresses": [
        {
            "cep": "01310-100",
            "uf": "SP",
            "city": "São Paulo",
            "street": "Rua Xavantina",
            "number": "1578",
            "district": "Jaguarundi",
        }
    ],
    "document": CPF,
    "external_id": "SGM-77123",
    "tags": ["apelido-zuzu"],
}
MARKERS = [  # none of them short and of hexadecimal digits: ids are full of those
    "zulmira", "quaresma", "conceicao", "rondonopolis", "zq1974", "98765-4321", "5511987654321",
    "3333-4444", "551133334444", CPF, "529.982", "01310-100", "xavantina", "jaguarundi",
    "sgm-77123", "zuzu", "prefere cartas", "segredo do pedido", "foto-zulmira",
]  # fmt: skip
SAID = (
    "Sou Zulmira Quaresma, CPF 529.982.247-25, tel. (11) 98765-4321, moro na Rua Xavantina, 1578 "
    "no Jaguarundi, CEP 01310-100. Escrevam para zulmira.quaresma@example.com. O boleto venceu."
)


async def anonymise(person: Person, client_id: str) -> dict[str, Any]:
    request = await make_proven(person, client_id=client_id, type="anonymization")
    return await person.made(f"{REQUESTS}/{request['id']}/execute", {})


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    answer = await http.post("/internal/v1/erasures/sweep", headers=SERVICE)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def assistant_answers(database: Database, request: dict[str, Any]) -> None:
    """ai-svc has erased its part."""
    event = PrivacyErasureCompleted.caused(
        organization_id=TENANT,
        correlation_id="test",
        privacy_request_id=UUID(request["id"]),
        client_id=UUID(request["client_id"]),
        service="ai-svc",
        erased={"chunks": 3},
    )
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, event)


async def done(http: httpx.AsyncClient, database: Database, request: dict[str, Any]) -> None:
    await sweep(http)
    await assistant_answers(database, request)
    await sweep(http)


async def planted(ana: Person, davi: Person) -> tuple[dict[str, Any], dict[str, Any]]:
    """A person everywhere: under a former name, twice, in texts, files, answers and reasons."""
    client = await make_client(ana, **(PERSON | {"name": "Zulmira Rondonópolis"}))
    path = f"{CLIENTS}/{client['id']}"
    reason = {"x-change-reason": "casamento de Zulmira"}
    renamed = await ana.patch(path, {"name": PERSON["name"]}, headers=reason)
    assert renamed.status_code == 200, renamed.text
    twin = await make_client(ana, name="Zulmira C. Quaresma", phone="(11) 98765-4321")
    await ana.made(f"{path}/merge", {"other_id": twin["id"], "reason": "É a mesma Zulmira"})
    note = await ana.made(f"{path}/notes", {"body": "Zulmira prefere cartas."})
    await ana.patch(f"{path}/notes/{note['id']}", {"body": "Prefere cartas azuis."})
    ticket = await make_ticket(
        ana,
        client["id"],
        subject="Boleto de Zulmira Quaresma",
        description=SAID,
        tags=["boleto", "zulmira"],
        priority="high",
    )
    said = f"{TICKETS}/{ticket['id']}/messages"
    keyed = {"idempotency-key": "resposta-1"}
    for kind in ("client", "reply", "note", "draft"):
        await ana.post(said, {"kind": kind, "body": f"{kind}: {SAID}"}, headers=keyed)
        keyed = {}
    edited = await ana.made(said, {"kind": "note", "body": "Ligar para Zulmira."})
    await ana.patch(f"{said}/{edited['id']}", {"body": "Ligar para a sra. Quaresma."})
    file = {"file": ("foto-zulmira.png", PICTURE)}
    uploaded = await ana.post(f"{TICKETS}/{ticket['id']}/attachments", files=file)
    given = {"kind": "client", "body": SAID, "attachment_ids": [uploaded.json()["data"]["id"]]}
    await ana.made(said, given)
    await make_purpose(ana)
    consent = await make_consent(ana, client["id"])
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Segredo do pedido"})
    purpose = await make_purpose(ana, code="contrato", legal_basis="contract")
    blocked = {"purpose_code": purpose["code"], "reason": "Segredo do pedido de Zulmira"}
    await davi.made(f"{path}/processing-blocks", blocked)
    await ana.made(f"{TICKETS}/{ticket['id']}/resolve", {})
    return client, ticket


async def _files(workplace: Workplace) -> set[str]:
    """Attachments of the organization, by key: tests before may have left some."""
    return {each.key async for each in workplace.storage.list(f"{AURORA.id}/attachments/")}


async def test_nothing_known_of_the_person_is_left_in_any_table_and_statistics_are(
    ana: Person,
    davi: Person,
    http: httpx.AsyncClient,
    database: Database,
    superuser: asyncpg.Connection,
    records: Records,
    workplace: Workplace,
) -> None:
    files_of_others = await _files(workplace)
    client, ticket = await planted(ana, davi)
    other = await make_ticket(ana, subject="Certidão", description="Outra pessoa, outro caso.")
    before = await ana.seen(f"{TICKETS}/{ticket['id']}")
    others_before = await ana.seen(f"{TICKETS}/{other['id']}")
    counted = await ana.seen("/api/v1/reports/volume", **_today())
    async with database.transaction(TENANT) as tx:
        await learn(tx, TENANT, [UUID(ticket["id"]), UUID(other["id"])])
    assert {"clients", "tickets", "ticket_messages", "message_revisions", "ticket_words"} <= set(
        await found_in(superuser, MARKERS)
    )

    request = await anonymise(davi, client["id"])
    assert request["status"] == "executing"
    await done(http, database, request)

    closed = await davi.seen(f"{REQUESTS}/{request['id']}")
    assert closed["status"] == "completed", closed
    assert await found_in(superuser, MARKERS) == {}
    after = await ana.seen(f"{TICKETS}/{ticket['id']}")
    kept = (
        "number", "status", "priority", "channel", "category_id", "team_id", "assignee_id",
        "created_at", "resolved_at", "closed_at", "first_replied_at", "reopen_count",
    )  # fmt: skip
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert after["subject"] == "Boleto de [nome]"
    assert after["description"] == (
        "Sou [nome], CPF [cpf], tel. [telefone], moro na [endereço] no [endereço], CEP [cep]. "
        "Escrevam para [e-mail]. O boleto venceu."
    )
    assert after["tags"] == ["boleto"]
    messages = await ana.seen(f"{TICKETS}/{ticket['id']}/messages")
    assert all("O boleto venceu." in each["body"] or "Ligar" in each["body"] for each in messages)
    assert await ana.seen("/api/v1/reports/volume", **_today()) == counted
    assert await ana.seen(f"{TICKETS}/{other['id']}") == others_before
    assert await _files(workplace) == files_of_others
    (event,) = await records.events("privacy.data_anonymized")
    assert event["payload"]["client_id"] == client["id"]
    assert len(event["payload"]["client_ids"]) == 2


async def test_person_is_found_by_nothing_and_boleto_still_is(
    ana: Person,
    davi: Person,
    http: httpx.AsyncClient,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    client, ticket = await planted(ana, davi)
    request = await anonymise(davi, client["id"])
    await done(http, database, request)

    for question in ("zulmira", "quaresma", CPF, "98765-4321", "zulmira.quaresma@example.com"):
        assert await ana.seen(f"{CLIENTS}/search", q=question) == []
        assert await ana.seen(f"{TICKETS}/search", q=question) == []
    hits = await ana.seen(f"{TICKETS}/search", q="boleto venceu")
    assert [hit["id"] for hit in hits] == [ticket["id"]]
    events = await ana.seen("/api/v1/audit-events", limit=100)
    texts = str(events)
    assert "Zulmira" not in texts
    keys = await superuser.fetchval("SELECT count(*) FROM crm.subject_keys")
    assert keys == await superuser.fetchval(
        "SELECT count(*) FROM crm.clients WHERE deleted_at IS NULL AND merged_into_id IS NULL"
    )


async def test_second_request_for_the_same_person_is_refused_in_words(
    ana: Person, davi: Person, http: httpx.AsyncClient, database: Database
) -> None:
    client = await make_client(ana)
    request = await make_proven(davi, client_id=client["id"], type="anonymization")
    given = {"client_id": client["id"], "channel": "email"}
    meanwhile = await davi.post(REQUESTS, {**given, "type": "erasure"})
    executing = await davi.made(f"{REQUESTS}/{request['id']}/execute", {})
    await done(http, database, executing)

    answers = [await davi.post(REQUESTS, {**given, "type": type_}) for type_ in
               ("anonymization", "erasure", "access")]  # fmt: skip

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (
        409,
        "PRIVACY_DESTRUCTION_UNDER_WAY",
    )
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "CLIENT_ALREADY_ANONYMISED")
    ] * 3


async def test_held_person_is_not_anonymised(ana: Person, davi: Person) -> None:
    client = await make_client(ana)
    hold = {"reason": "Processo em curso", "review_on": _in_a_month()}
    await davi.made(f"{CLIENTS}/{client['id']}/legal-holds", hold)
    request = await make_proven(davi, client_id=client["id"], type="anonymization")

    answer = await davi.post(f"{REQUESTS}/{request['id']}/execute", {})

    assert answer.status_code == 409
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["name"] == client["name"]


async def test_killed_anywhere_and_swept_by_many_it_ends_the_same(
    ana: Person,
    davi: Person,
    http: httpx.AsyncClient,
    database: Database,
    superuser: asyncpg.Connection,
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client, _ = await planted(ana, davi)
    request = await anonymise(davi, client["id"])
    scrub, calls = Scrubber.text, 0

    def dies(self: Scrubber, text: str) -> str:
        nonlocal calls
        calls += 1
        if calls in {3, 9, 20, 33}:
            raise RuntimeError("killed")
        return scrub(self, text)

    monkeypatch.setattr(Scrubber, "text", dies)
    waited = [(await sweep(http))["waiting"] for _ in range(5)]
    monkeypatch.setattr(Scrubber, "text", scrub)
    assert sum(waited) >= 3, "it died, and was seen to wait"
    await asyncio.gather(*(sweep(http) for _ in range(4)))
    await assistant_answers(database, request)
    await asyncio.gather(*(sweep(http) for _ in range(4)))

    assert (await davi.seen(f"{REQUESTS}/{request['id']}"))["status"] == "completed"
    assert await found_in(superuser, MARKERS) == {}
    assert len(await records.events("privacy.data_anonymized")) == 1


async def test_recipients_are_told_once_that_it_is_an_anonymisation(
    ana: Person, davi: Person, http: httpx.AsyncClient, database: Database, records: Records
) -> None:
    recipient = {"name": "Gráfica", "role": "operator", "what_for": "Impressão"}
    await make_purpose(ana, code="contas", legal_basis="contract", recipients=[recipient])
    client = await make_client(ana)
    request = await anonymise(davi, client["id"])
    (began,) = await records.events("privacy.erasure_requested")
    async with database.transaction(TENANT) as tx:
        await follow_erasure(tx, PrivacyErasureRequested.model_validate(began))
    await done(http, database, request)
    (ended,) = await records.events("privacy.data_anonymized")
    async with database.transaction(TENANT) as tx:
        await follow_anonymisation(tx, PrivacyDataAnonymized.model_validate(ended))

    (notice,) = await davi.seen("/api/v1/recipient-notices")

    assert (notice["act"], notice["cause_id"]) == ("anonymisation", request["id"])


async def test_what_is_said_meanwhile_loses_its_identifiers_too(
    ana: Person,
    davi: Person,
    http: httpx.AsyncClient,
    database: Database,
    superuser: asyncpg.Connection,
) -> None:
    client, ticket = await planted(ana, davi)
    request = await anonymise(davi, client["id"])
    await ana.made(
        f"{TICKETS}/{ticket['id']}/messages", {"kind": "client", "body": "Aqui é a Zulmira de novo"}
    )
    await done(http, database, request)

    assert await found_in(superuser, MARKERS) == {}


def _today() -> dict[str, str]:
    day = utc_now().date()
    return {"since": (day - timedelta(days=1)).isoformat(), "until": day.isoformat()}


def _in_a_month() -> str:
    return (utc_now() + timedelta(days=30)).date().isoformat()
