"""The record of processing activities and the data sheets of impact reports."""

import csv
import io
from typing import Any

import pypdfium2
from core_api_accountability import OFFICER, PROFILE, transfer
from core_api_factories import (
    PURPOSES,
    Person,
    make_client,
    make_consent,
    make_purpose,
    without_request_id,
)
from core_api_records import Records

RECORDS = "/api/v1/processing-records"
ASSESSMENT: dict[str, Any] = {
    "necessity": "Sem o contato não é possível avisar.",
    "proportionality": "Só o e-mail é usado.",
    "methodology": "Matriz de probabilidade e impacto.",
    "risks": [
        {
            "threat": "Acesso indevido",
            "likelihood": 2,
            "impact": 3,
            "measures": "Acesso por função",
            "residual": 1,
        }
    ],
    "measures": "Cifragem e auditoria.",
    "conclusion": "acceptable_with_measures",
    "assessed_on": "2026-03-02",
    "review_on": "2027-03-02",
}
COMPLETE = {
    "data_categories": ["contato", "=SOMA(A1)"],
    "subject_categories": ["munícipes"],
    "retention_days": 365,
    "retention_from": "last_contact",
    "retention_then": "anonymize",
    "recipients": [{"name": "Gráfica Boa Vista", "role": "operator", "what_for": "Impressão"}],
    "transfers": [{"recipient": "Nuvem", "country": "US", "safeguard": "standard_clauses"}],
}


def pages_of(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


async def filled(person: Person) -> None:
    await person.call("PUT", "/api/v1/controller-profile", json=PROFILE)
    await person.made("/api/v1/privacy-officers", OFFICER)
    await make_purpose(person, **COMPLETE)
    await make_purpose(person, code="contrato", name="Contrato", legal_basis="contract")
    await person.made("/api/v1/international-transfers", transfer("contrato"))


async def test_record_says_what_the_registry_says_and_what_is_missing(davi: Person) -> None:
    await filled(davi)

    found = await davi.seen(RECORDS)

    assert found["controller"] == "Prefeitura Municipal de Aurora, Praça Central, 1"
    assert found["officer"] == "Davi Exemplo, encarregado@aurora.example"
    contract, news = found["records"]
    assert news["legal_basis"] == "Consentimento do titular (art. 7º, I)"
    assert news["retention"] == "365 dias após o último contato; depois os dados são anonimizados"
    assert news["recipients"] == ["Gráfica Boa Vista (operador): Impressão"]
    assert news["transfers"] == ["Nuvem (US): Cláusulas-padrão contratuais (art. 33, II, b)"]
    assert news["missing"] == []
    assert contract["legal_basis"] == "Execução de contrato (art. 7º, V)"
    assert contract["transfers"][0].startswith("OpenAI, L.L.C. (US): Cláusulas-padrão")
    assert contract["missing"] == [
        "categorias de dados",
        "categorias de titulares",
        "prazo de guarda",
    ]


async def test_archived_purposes_are_in_it_when_asked_for(davi: Person) -> None:
    await make_purpose(davi)
    await davi.post(f"{PURPOSES}/novidades/archive")

    assert (await davi.seen(RECORDS))["records"] == []
    assert len((await davi.seen(RECORDS, archived=True))["records"]) == 1


async def test_csv_opens_in_a_spreadsheet_and_calculates_nothing(davi: Person) -> None:
    await filled(davi)

    answer = await davi.get(f"{RECORDS}/export", params={"format": "csv"})

    assert answer.headers["content-disposition"] == 'attachment; filename="ropa.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))
    assert [row["Código"] for row in rows] == ["contrato", "novidades"]
    assert rows[1]["Categorias de dados"] == "contato; =SOMA(A1)"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


async def test_pdf_and_json_carry_the_same(davi: Person) -> None:
    await filled(davi)

    pdf = await davi.get(f"{RECORDS}/export")
    plain = await davi.get(f"{RECORDS}/export", params={"format": "json"})

    assert pdf.headers["content-type"] == "application/pdf"
    text = pages_of(pdf.content)
    for said in ("art. 37 da Lei 13.709/2018", "Davi Exemplo", "Gráfica Boa Vista", "Contrato"):
        assert said in text
    assert [each["purpose_code"] for each in plain.json()["records"]] == ["contrato", "novidades"]


async def test_record_costs_the_same_however_many_purposes(
    davi: Person, statements: list[str]
) -> None:
    async def cost() -> int:
        statements.clear()
        await davi.seen(RECORDS)
        return len(statements)

    await make_purpose(davi)
    once = await cost()
    for number in range(6):
        await make_purpose(davi, code=f"outra-{number}", name=f"Outra {number}")

    assert await cost() == once


async def test_sheet_counts_subjects_and_reads_high_risk_off_the_registry(
    davi: Person, ana: Person
) -> None:
    await make_purpose(
        davi,
        data_categories=["dados de saúde"],
        subject_categories=["crianças"],
        assistant_may_use=True,
    )
    await make_purpose(davi, code="contrato", name="Contrato", legal_basis="contract")
    clients = [await make_client(ana, name=f"Cliente {n}") for n in range(3)]
    await make_consent(davi, clients[0]["id"])
    await make_consent(davi, clients[1]["id"], decision="refused")

    sheet = await davi.seen(f"{PURPOSES}/novidades/impact-assessment")
    contract = await davi.seen(f"{PURPOSES}/contrato/impact-assessment")

    assert (sheet["subjects"], contract["subjects"]) == (1, 3)
    assert sheet["high_risk"] == [
        "sensitive_data",
        "vulnerable_subjects",
        "automated_decisions",
        "emerging_technology",
    ]
    assert (sheet["report_recommended"], contract["report_recommended"]) == (True, False)
    assert sheet["assessment"] is None
    assert "avaliação de impacto" in sheet["missing"]


async def test_assessment_is_written_watched_and_printed(davi: Person, records: Records) -> None:
    await filled(davi)
    path = f"{PURPOSES}/novidades/impact-assessment"

    first = await davi.call("PUT", path, json=ASSESSMENT)
    changed = ASSESSMENT | {"conclusion": "not_acceptable"}
    stale = await davi.call("PUT", path, json=changed, headers={"if-match": '"0"'})
    second = await davi.call("PUT", path, json=changed, headers={"if-match": '"1"'})
    text = pages_of((await davi.get(f"{path}/export")).content)

    assert (first.status_code, stale.status_code, second.status_code) == (200, 412, 200)
    (due,) = await davi.seen("/api/v1/accountability/deadlines", subject_type="impact_assessment")
    assert (due["kind"], due["state"]) == ("reassessment", "open")
    assert [row["changed"] for row in await records.audit("impact_assessment.updated")][1] == [
        "conclusion"
    ]
    for said in ("Acesso indevido", "não deve prosseguir", "02/03/2027", "Indicadores"):
        assert said in text
    assert "Concluída em 02/03/2026" in (await davi.get(RECORDS)).text


async def test_assessment_that_cannot_be_is_refused(davi: Person) -> None:
    await make_purpose(davi)
    path = f"{PURPOSES}/novidades/impact-assessment"
    bad: list[dict[str, Any]] = [
        {"review_on": "2026-03-02"},
        {"risks": []},
        {"risks": [ASSESSMENT["risks"][0] | {"impact": 6}]},
        {"necessity": ""},
    ]

    for changes in bad:
        answer = await davi.call("PUT", path, json=ASSESSMENT | changes)
        assert answer.status_code == 422, changes
    assert (await davi.seen(path))["assessment"] is None


async def test_purpose_of_another_organization_has_no_sheet(davi: Person, beto: Person) -> None:
    await make_purpose(davi)

    foreign = await beto.get(f"{PURPOSES}/novidades/impact-assessment")
    unknown = await beto.get(f"{PURPOSES}/nenhuma/impact-assessment")

    assert foreign.status_code == 404
    assert without_request_id(foreign) == without_request_id(unknown)
    assert (await beto.seen(RECORDS))["records"] == []
