"""Copies of a person's data: made of what every service keeps, and waited for while one is down."""

import csv
import io
import json
from typing import Any

import asyncpg
import httpx
import jsonschema
import pypdfium2
import pytest
import sqlalchemy as sa
from core_api_factories import (
    CLIENTS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)
from core_api_neighbour import SUBJECT_DATA, Neighbour, answered
from privacy_factories import REQUESTS
from subject_data_factories import (
    DOCUMENT,
    RECIPIENTS,
    TRANSFERS,
    answer_to,
    archive_of,
    copied,
    document_of,
    executed,
    file_of,
    keeps,
    retried,
    section,
    stored_keys,
    sweep,
)

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.csv_export import restore
from core_api.modules.privacy.execution import PrivacyRequest, RequestStatus
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId


async def test_access_is_answered_at_once_and_completed_with_what_every_service_keeps(
    davi: Person, ana: Person, neighbour: Neighbour
) -> None:
    await make_purpose(
        ana, code="contrato", name="Atendimento", legal_basis="contract", recipients=RECIPIENTS
    )
    client = await make_client(ana, name="Conceição Araújo")
    await make_ticket(ana, client["id"], subject="Iluminação")
    more = DOCUMENT | {"records": [{"title": "Contrato", "text": "Cláusula 1"}]}
    keeps(neighbour, DOCUMENT, more)

    request, answer = await answer_to(davi, client_id=client["id"], type="access")
    assert (request["status"], request["closed_at"]) == ("executing", None)
    assert "declaração completa fica pronta até" in answer["paragraphs"][0]
    state = await retried(davi, request["id"]) | {"request_id": request["id"]}

    assert (state["state"], state["waiting_for"]) == ("complete", None)
    assert [file["format"] for file in state["files"]] == ["json", "pdf"]
    document = await document_of(davi, state)
    assert document["services"] == ["core-api", "ai-svc"]
    documents = section(document, "assistant_documents")
    assert [each["title"] for each in documents] == ["Laudo da obra", "Contrato"]
    (purpose,) = document["purposes"]
    assert purpose["legal_basis"] == "Execução de contrato (art. 7º, V)"
    assert purpose["recipients"][0]["name"] == "Gráfica Boa Vista"
    asked = [body for path, body in neighbour.asked if path == SUBJECT_DATA]
    assert [body["cursor"] for body in asked] == [None, "1"]
    assert {tuple(body["client_ids"]) for body in asked} == {(client["id"],)}

    closed = await davi.seen(f"{REQUESTS}/{request['id']}")
    assert closed["status"] == "completed"
    assert closed["receipt"]["records"]["core-api.tickets"] == 1
    assert closed["receipt"]["records"]["ai-svc.assistant_documents"] == 2
    assert "Conceição" not in json.dumps(closed["receipt"])


async def test_declaration_on_paper_says_what_the_law_asks_for(
    davi: Person, ana: Person, neighbour: Neighbour
) -> None:
    await make_purpose(
        ana,
        code="contrato",
        name="Atendimento",
        legal_basis="contract",
        recipients=RECIPIENTS,
        transfers=TRANSFERS,
        retention_days=365,
        retention_from="last_contact",
        retention_then="anonymize",
    )
    client = await make_client(ana, name="Conceição Araújo")
    await make_ticket(ana, client["id"], subject="Iluminação")
    keeps(neighbour, DOCUMENT)

    state = await copied(davi, client_id=client["id"])
    pages = pypdfium2.PdfDocument(await file_of(davi, state, "pdf"))
    text = " ".join(" ".join(p.get_textpage().get_text_range().split()) for p in pages)

    for said in (
        "Declaração completa de dados pessoais",
        "Para que usamos seus dados",
        "Base legal Execução de contrato (art. 7º, V)",
        "365 dias após o último contato; depois os dados são anonimizados",
        "Com quem compartilhamos",
        "Gráfica Boa Vista",
        "Vai para o exterior: Provedor de nuvem",
        "Cadastro Origem Informado por você",
        "Critérios Usamos para identificar você",
        "Conceição Araújo",
        "Iluminação",
        "Documentos sobre você",
        "Vistoria feita em maio.",
        "O que procuramos e não existe",
    ):
        assert said in text, said


async def test_portable_copy_has_what_the_person_gave_as_json_and_csv(
    davi: Person, ana: Person, neighbour: Neighbour
) -> None:
    client = await make_client(ana, name="=1+1", tags=["a", "b"])
    await make_ticket(ana, client["id"], description='Poste apagado;\n"na esquina"')
    await ana.made(f"{CLIENTS}/{client['id']}/notes", {"body": "Impressão da equipe"})
    keeps(neighbour, DOCUMENT, DOCUMENT | {"name": "assistant_answers", "portable": False})

    state = await copied(davi, client_id=client["id"], type="portability")

    assert [file["format"] for file in state["files"]] == ["zip"]
    archive = await archive_of(davi, state)
    assert {"LEIA-ME.txt", "dados.json", "esquema.json"} <= set(archive.namelist())
    document = json.loads(archive.read("dados.json"))
    names = {each["name"] for each in document["sections"]}
    assert {"registration", "tickets", "messages", "consents", "assistant_documents"} <= names
    assert not names & {"client_notes", "internal_notes", "changes", "assistant_answers"}
    assert "Impressão da equipe" not in str(document)
    table = archive.read("csv/core-api-registration.csv").decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table), delimiter=";")
    assert (row["name"], row["tags"]) == ("'=1+1", "a | b")
    (ticket,) = csv.DictReader(
        io.StringIO(archive.read("csv/core-api-tickets.csv").decode("utf-8-sig")), delimiter=";"
    )
    assert restore(ticket["description"]) == 'Poste apagado;\n"na esquina"'


@pytest.mark.parametrize("kind", ["access", "portability"])
async def test_every_copy_is_valid_against_the_schema_that_is_served(
    davi: Person, vera: Person, ana: Person, neighbour: Neighbour, kind: str
) -> None:
    await make_purpose(ana, recipients=RECIPIENTS, transfers=TRANSFERS)
    client = await make_client(ana)
    await make_consent(ana, client["id"])
    await make_ticket(ana, client["id"])
    odd = DOCUMENT | {"records": [{"title": None, "pages": 3, "share": 0.5, "parts": ["a", 1]}]}
    keeps(neighbour, DOCUMENT, odd)

    served = await vera.get("/api/v1/subject-data/schema")
    state = await copied(davi, client_id=client["id"], type=kind)

    assert served.headers["content-type"] == "application/schema+json"
    schema = served.json()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    if kind == "access":
        document = await document_of(davi, state)
    else:
        archive = await archive_of(davi, state)
        document = json.loads(archive.read("dados.json"))
        assert json.loads(archive.read("esquema.json")) == schema
    validator.validate(document)
    assert document["format"] == schema["$id"]
    assert not validator.is_valid(document | {"unknown": 1})
    broken = document | {"sections": [{**document["sections"][0], "records": [{"a": {"b": 1}}]}]}
    assert not validator.is_valid(broken)


def _not_as_agreed(body: dict[str, Any]) -> httpx.Response:
    return answered({"service": "ai-svc", "sections": [{"name": "Sem Sentido"}]})


def _without_end(body: dict[str, Any]) -> httpx.Response:
    return answered({"service": "ai-svc", "sections": [], "next_cursor": "sempre o mesmo"})


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(503),
        lambda _: httpx.Response(404),
        lambda _: httpx.Response(200, text="<html>"),
        _not_as_agreed,
        _without_end,
    ],
    ids=["down", "of an older version", "a page of a proxy", "not as agreed", "without end"],
)
async def test_service_that_does_not_answer_keeps_the_request_open_and_it_is_tried_again(
    davi: Person, ana: Person, neighbour: Neighbour, workplace: Workplace, answer: Any
) -> None:
    client = await make_client(ana)
    neighbour.answers(SUBJECT_DATA, answer)
    before = await stored_keys(workplace.storage)

    state = await copied(davi, client_id=client["id"])

    assert (state["state"], state["waiting_for"], state["files"]) == ("assembling", "ai-svc", [])
    assert state["next_attempt_at"] > state["created_at"]
    request = await davi.seen(f"{REQUESTS}/{state['request_id']}")
    assert request["status"] == "executing"
    assert await stored_keys(workplace.storage) == before
    neighbour.forget()
    again = await retried(davi, state["request_id"])
    assert (again["state"], again["attempts"], len(again["files"])) == ("complete", 2, 2)
    assert (await davi.seen(f"{REQUESTS}/{state['request_id']}"))["status"] == "completed"


async def test_what_is_complete_is_not_made_again(
    davi: Person, ana: Person, neighbour: Neighbour
) -> None:
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    neighbour.asked.clear()

    answer = await davi.post(f"{REQUESTS}/{state['request_id']}/subject-data/retry")

    assert answer.status_code == 409
    assert answer.json()["code"] == "SUBJECT_DATA_NOTHING_TO_MAKE"
    again = await davi.seen(f"{REQUESTS}/{state['request_id']}/subject-data")
    assert again["files"] == state["files"]
    assert neighbour.asked == []


async def test_request_that_was_closed_meanwhile_gets_no_copies(
    davi: Person, ana: Person, neighbour: Neighbour, database: Database, workplace: Workplace
) -> None:
    neighbour.is_down(SUBJECT_DATA)
    state = await copied(davi, client_id=(await make_client(ana))["id"])
    neighbour.forget()
    before = await stored_keys(workplace.storage)
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        closed = {"status": RequestStatus.CANCELLED, "closed_at": utc_now()}
        await session.execute(sa.update(PrivacyRequest).values(**closed))

    again = await retried(davi, state["request_id"])

    assert (again["state"], again["files"]) == ("stopped", [])
    assert neighbour.asked == []
    assert await stored_keys(workplace.storage) == before


@pytest.mark.committed
async def test_sweep_makes_what_is_due_and_leaves_what_must_wait(
    davi: Person,
    ana: Person,
    http: httpx.AsyncClient,
    neighbour: Neighbour,
    superuser: asyncpg.Connection,
) -> None:
    client = await make_client(ana)
    neighbour.is_down(SUBJECT_DATA)
    request = await executed(davi, client_id=client["id"])

    assert await sweep(http) == {"completed": 0, "waiting": 1, "expired": 0}
    assert await sweep(http) == {"completed": 0, "waiting": 0, "expired": 0}
    neighbour.forget()
    await superuser.execute("UPDATE crm.subject_data_answers SET next_attempt_at = now()")
    assert await sweep(http) == {"completed": 1, "waiting": 0, "expired": 0}

    state = await davi.seen(f"{REQUESTS}/{request['id']}/subject-data")
    assert (state["state"], state["attempts"]) == ("complete", 2)
    assert (await davi.seen(f"{REQUESTS}/{request['id']}"))["status"] == "completed"
