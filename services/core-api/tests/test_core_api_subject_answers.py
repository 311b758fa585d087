"""Requests to know that are answered at once, in plain words."""

import json
from typing import Any

import pypdfium2
from core_api_accountability import OFFICER, PROFILE, transfer
from core_api_factories import Person, make_client, make_consent, make_purpose, make_ticket
from core_api_records import Records
from privacy_factories import REQUESTS, make_request
from subject_data_factories import RECIPIENTS, TRANSFERS, answer_to


def text_of(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False)


def text_items(answer: dict[str, Any]) -> list[str]:
    return [item for part in answer["parts"] for item in part["items"]]


async def test_confirmation_is_completed_at_once_with_a_receipt_that_names_nobody(
    davi: Person, ana: Person, records: Records
) -> None:
    await make_purpose(ana, code="contrato", name="Atendimento", legal_basis="contract")
    client = await make_client(ana, name="Conceição Araújo")
    await make_ticket(ana, client["id"])

    request, answer = await answer_to(davi, client_id=client["id"], type="confirmation")

    assert request["status"] == "completed"
    assert answer["paragraphs"][0].startswith("Sim: ")
    kept = answer["parts"][0]
    assert kept["heading"] == "O que guardamos"
    assert {"Cadastro: 1 registro", "Chamados: 1 registro"} <= set(kept["items"])
    assert any("Atendimento. Base legal: Execução de contrato" in i for i in text_items(answer))
    assert "Conceição" not in text_of(answer)
    assert "Conceição" not in json.dumps(request["receipt"])
    (noted,) = await records.audit("subject_data.answered")
    assert noted["subject_id"] == request["id"]
    (read,) = await records.audit("subject_data_answer.read")
    assert str(read["about"]) == client["id"]


async def test_access_in_the_simplified_form_needs_no_copy(davi: Person, ana: Person) -> None:
    client = await make_client(ana)

    request, answer = await answer_to(
        davi, client_id=client["id"], type="access", form="simplified"
    )

    assert request["status"] == "completed"
    assert answer["title"] == "Acesso aos seus dados pessoais: resposta imediata"
    state = await davi.seen(f"{REQUESTS}/{request['id']}/subject-data")
    assert (state["state"], state["files"]) == ("complete", [])


async def test_sharing_names_recipients_and_countries_of_purposes_that_use_the_data(
    davi: Person, ana: Person
) -> None:
    await make_purpose(
        ana,
        code="contrato",
        name="Atendimento",
        legal_basis="contract",
        recipients=RECIPIENTS,
        transfers=TRANSFERS,
    )
    never_asked = [{"name": "Agência X", "role": "controller", "what_for": "Publicidade"}]
    await make_purpose(ana, recipients=never_asked)
    client = await make_client(ana)

    request, answer = await answer_to(davi, client_id=client["id"], type="sharing")

    assert request["status"] == "completed"
    said = text_of(answer)
    assert "Gráfica Boa Vista, operador" in said
    assert "Provedor de nuvem, US, com base em: Cláusulas-padrão contratuais" in said
    assert "Agência X" not in said
    await make_consent(ana, client["id"])
    _, again = await answer_to(davi, client_id=client["id"], type="sharing")
    assert "Agência X" in text_of(again)


async def test_sharing_with_nobody_says_so(davi: Person, ana: Person) -> None:
    client = await make_client(ana)

    _, answer = await answer_to(davi, client_id=client["id"], type="sharing")

    assert answer["paragraphs"][0].endswith("não são compartilhados com terceiros.")


async def test_consequences_of_not_consenting_are_told_purpose_by_purpose(
    davi: Person, ana: Person
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="contrato", name="Atendimento", legal_basis="contract")
    client = await make_client(ana)
    await make_consent(ana, client["id"])

    request, answer = await answer_to(davi, client_id=client["id"], type="consent_consequences")

    assert request["status"] == "completed"
    (asked,) = [part for part in answer["parts"] if part["heading"] == "Novidades por e-mail"]
    assert asked["paragraphs"][1].startswith("Se você não autorizar: este uso não acontece.")
    assert asked["paragraphs"][2].startswith("Situação: autorizado em ")
    assert any("Atendimento. Base legal" in item for item in text_items(answer))


async def test_answer_is_there_on_paper(davi: Person, ana: Person) -> None:
    client = await make_client(ana)
    request, _ = await answer_to(davi, client_id=client["id"], type="confirmation")

    answer = await davi.get(f"{REQUESTS}/{request['id']}/answer.pdf")

    assert answer.headers["content-type"] == "application/pdf"
    page = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_range()
    assert "Confirmação de tratamento de dados pessoais" in " ".join(page.split())


async def test_request_nobody_executed_has_no_answer(davi: Person, ana: Person) -> None:
    request = await make_request(ana)

    for path in ("answer", "answer.pdf", "subject-data"):
        answer = await davi.get(f"{REQUESTS}/{request['id']}/{path}")
        assert answer.json()["code"] == "SUBJECT_DATA_ANSWER_NOT_FOUND", answer.text
    answer = await davi.post(f"{REQUESTS}/{request['id']}/subject-data/retry")
    assert answer.status_code == 404


async def test_who_to_talk_to_and_the_register_of_transfers_are_told(
    davi: Person, ana: Person
) -> None:
    await make_purpose(ana, code="contrato", name="Atendimento", legal_basis="contract")
    assert (await ana.call("PUT", "/api/v1/controller-profile", json=PROFILE)).is_success
    await ana.made("/api/v1/privacy-officers", OFFICER)
    register = "/api/v1/international-transfers"
    draft = await ana.made(register, transfer("contrato"))
    client_id = (await make_client(ana))["id"]
    _, before = await answer_to(davi, client_id=client_id, type="sharing")
    await ana.made(f"{register}/{draft['id']}/authorise", {"reason": "Contrato assinado"})

    _, answer = await answer_to(davi, client_id=client_id, type="sharing")

    assert "OpenAI" not in text_of(before), "nothing goes there yet"
    assert answer["controller"] == "Prefeitura Municipal de Aurora"
    (item,) = text_items(answer)
    assert item.startswith("Vai para o exterior: OpenAI, L.L.C., US, com base em: Cláusulas-padrão")
    assert answer["parts"][-1]["paragraphs"] == ["Davi Exemplo, encarregado@aurora.example"]
