"""Bad input: status, code, and a message a person understands; nothing is written."""

from typing import Any

import pytest
from core_api_accountability import incident
from core_api_factories import CLIENTS, TICKETS, Person, make_client, make_purpose, make_ticket

LONG = "x" * 60_000


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({}, "body.name", "Campo obrigatório."),
        ({"name": " \t "}, "body.name", "controle"),
        ({"name": "   "}, "body.name", "em branco"),
        ({"name": "\u200b\u2060"}, "body.name", "em branco"),
        ({"name": "\u3164"}, "body.name", "em branco"),
        ({"name": "x" * 201}, "body.name", "no máximo 200"),
        ({"name": "Júlia\x00"}, "body.name", "inválidos"),
        ({"name": "Júlia\x1b[31m"}, "body.name", "controle"),
        ({"name": None}, "body.name", "texto"),
        ({"name": 7}, "body.name", "texto"),
        ({"name": "Júlia", "kind": "robot"}, "body.kind", "person"),
        ({"name": "Júlia", "email": "julia"}, "body.email", "E-mail inválido"),
        ({"name": "Júlia", "email": "julia@localhost"}, "body.email", "E-mail inválido"),
        ({"name": "Júlia", "email": "j***@example.com"}, "body.email", "E-mail inválido"),
        ({"name": "Júlia", "email": f"{'x' * 250}@example.com"}, "body.email", "no máximo 254"),
        ({"name": "Júlia", "phone": "ligue já"}, "body.phone", "Telefone inválido"),
        ({"name": "Júlia", "phone": "123"}, "body.phone", "Telefone inválido"),
        ({"name": "Júlia", "document": "529.982.247-26"}, "body.document", "CPF inválido"),
        ({"name": "Júlia", "document": "***.982.247-**"}, "body.document", "CPF inválido"),
        (
            {"name": "Padaria", "kind": "company", "document": "529.982.247-25"},
            "body.document",
            "CNPJ inválido",
        ),
        ({"name": "Júlia", "tags": "vip"}, "body.tags", "lista"),
        ({"name": "Júlia", "tags": ["x"] * 31}, "body.tags", "no máximo 30"),
        ({"name": "Júlia", "tags": [""]}, "body.tags.0", "em branco"),
        ({"name": "Júlia", "nmae": "x"}, "body.nmae", "desconhecido"),
        ({"name": "Júlia", "organization_id": "x"}, "body.organization_id", "desconhecido"),
    ],
)
async def test_bad_client_is_refused_by_field(
    ana: Person, given: dict[str, Any], field: str, message: str
) -> None:
    answer = await ana.post(CLIENTS, given)

    body = answer.json()
    assert (answer.status_code, body["code"]) == (422, "VALIDATION_ERROR"), answer.text
    assert [detail["field"] for detail in body["details"]] == [field]
    assert message in body["details"][0]["message"]
    assert await ana.seen(CLIENTS) == []


async def test_names_are_kept_without_what_turns_a_list_round(ana: Person) -> None:
    client = await make_client(ana, name="\u202eJúlia\u202c 👩\u200d🔬")

    assert client["name"] == "Júlia 👩\u200d🔬"


async def test_everything_wrong_is_named_at_once(ana: Person) -> None:
    answer = await ana.post(CLIENTS, {"email": "x", "phone": "y", "z": 1})

    fields = {detail["field"] for detail in answer.json()["details"]}
    assert fields == {"body.name", "body.email", "body.phone", "body.z"}


@pytest.mark.parametrize("value", [{"name": None}, {"kind": None}, {"tags": None}, {"nmae": "x"}])
async def test_bad_change_is_refused(ana: Person, value: dict[str, Any]) -> None:
    client = await make_client(ana)

    answer = await ana.patch(f"{CLIENTS}/{client['id']}", value)

    assert answer.status_code == 422
    assert await ana.seen(f"{CLIENTS}/{client['id']}") == client


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"subject": None}, "body.subject"),
        ({"description": LONG}, "body.description"),
        ({"priority": "crítica"}, "body.priority"),
        ({"channel": "fax"}, "body.channel"),
        ({"client_id": "42"}, "body.client_id"),
        ({"status": "closed"}, "body.status"),
        ({"number": 7}, "body.number"),
    ],
)
async def test_bad_ticket_is_refused_by_field(
    ana: Person, given: dict[str, Any], field: str
) -> None:
    client = await make_client(ana)
    whole = {"client_id": client["id"], "subject": "x", "description": "y"}

    answer = await ana.post(TICKETS, whole | given)

    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b"[]", "application/json", 422),
        (b'"x"', "application/json", 422),
        (b"null", "application/json", 422),
        (b"", "application/json", 422),
        (b'{"name": "\\ud800"}', "application/json", 422),
        (b"\xff\xfe", "application/json", (400, 422)),
        (b"name=x", "application/x-www-form-urlencoded", 415),
        (b'{"name": "x"}', "text/plain", 415),
        (b'{"name": "' + b"x" * 2_000_000 + b'"}', "application/json", 413),
        (b"[" * 100_000, "application/json", (400, 422)),
    ],
)
async def test_malformed_body_is_refused(
    ana: Person, body: bytes, content_type: str, status: int | tuple[int, ...]
) -> None:
    answer = await ana.call("POST", CLIENTS, content=body, headers={"content-type": content_type})

    assert answer.status_code in (status if isinstance(status, tuple) else (status,)), answer.text
    assert answer.json()["status"] == "error"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{CLIENTS}?limit=0", "query.limit"),
        (f"{CLIENTS}?limit=101", "query.limit"),
        (f"{CLIENTS}?limit=x", "query.limit"),
        (f"{CLIENTS}?cursor=lixo", "query.cursor"),
        (f"{CLIENTS}?cursor={'A' * 2000}", "query.cursor"),
        (f"{CLIENTS}?cursor=WyJuYW1lIiwxXQ", "query.cursor"),  # ["name",1], of another order
        (f"{CLIENTS}?sort=document", "query.sort"),
        (f"{CLIENTS}?page=0", "query.page"),
        (f"{CLIENTS}?kind=robot", "query.kind"),
        (f"{CLIENTS}/search", "query.q"),
        (f"{CLIENTS}/search?q=%20", "query.q"),
        (f"{CLIENTS}/search?q=%00", "query"),
        (f"{CLIENTS}/42", "path.client_id"),
        (f"{TICKETS}?status=aberto", "query.status.0"),
        (f"{TICKETS}?client_id=x", "query.client_id"),
        (f"{TICKETS}/search?q={'x' * 201}", "query.q"),
        ("/api/v1/consent-purposes/Com%20Espa%C3%A7o", "path.code"),
        ("/api/v1/audit-events?actor_id=x", "query.actor_id"),
    ],
)
async def test_bad_address_is_refused_by_parameter(ana: Person, path: str, field: str) -> None:
    answer = await ana.get(path)

    assert answer.status_code == 422, answer.text
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize("path", [f"{CLIENTS}?tag=%00", f"{CLIENTS}?email=%00"])
async def test_nul_in_a_filter_is_no_server_error(ana: Person, path: str) -> None:
    assert (await ana.get(path)).status_code == 422


@pytest.mark.parametrize("given", [{"kind": "shout", "body": "x"}, {"kind": "note", "body": ""}])
async def test_bad_message_is_refused(ana: Person, given: dict[str, Any]) -> None:
    ticket = await make_ticket(ana)

    answer = await ana.post(f"{TICKETS}/{ticket['id']}/messages", given)

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("3", 422),
        ('"1", "2"', 422),
        ('W/"1"', 412),
        ('"x"', 412),
        ('"' + "9" * 30 + '"', 412),
    ],
)
async def test_bad_if_match_is_refused(ana: Person, value: str, status: int) -> None:
    client = await make_client(ana)

    answer = await ana.patch(
        f"{CLIENTS}/{client['id']}", {"name": "X"}, headers={"if-match": value}
    )

    assert answer.status_code == status


@pytest.mark.parametrize("year", ["0001", "0026"])
async def test_moment_before_anybody_lived_is_refused(ana: Person, davi: Person, year: str) -> None:
    await make_purpose(ana)
    client_id = (await make_client(ana))["id"]
    moment = f"{year}-01-01T00:00:00Z"
    consent = {
        "purpose_code": "novidades",
        "decision": "granted",
        "channel": "paper",
        "notice_version": 1,
        "decided_at": moment,
    }
    request = {"client_id": client_id, "type": "correction", "received_at": moment}

    refused = {
        "body.decided_at": await ana.post(f"{CLIENTS}/{client_id}/consents", consent),
        "body.received_at": await davi.post("/api/v1/privacy-requests", request),
        "body.known_at": await davi.post("/api/v1/incidents", incident(known_at=moment)),
    }

    for field, answer in refused.items():
        assert answer.status_code == 422, answer.text
        (detail,) = answer.json()["details"]
        assert (detail["field"], "Confira o ano" in detail["message"]) == (field, True)
