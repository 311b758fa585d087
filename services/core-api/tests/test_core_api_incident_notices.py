"""Notices of an incident: what a draft must say, what is kept of one, who was told."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import httpx
import pypdfium2
import pytest
from core_api_accountability import OFFICER, PROFILE, incident
from core_api_factories import Person, make_client
from core_api_records import Records

from chassis.data.columns import utc_now
from core_api.business_days import business_days_after

INCIDENTS = "/api/v1/incidents"
KNOWN = {
    "data_categories": ["contato"],
    "risks": "Golpes por telefone.",
    "mitigation": "A planilha foi recolhida.",
    "measures_after": "Envio em duas etapas.",
    "root_cause": "Autocompletar.",
}
ANPD = {"audience": "anpd", "channel": "anpd_form", "protocol": "00261.000118/2026-11"}
SUBJECTS = {"audience": "subjects", "channel": "email", "protocol": "Lote 118"}


async def made(davi: Person, **changes: Any) -> str:
    """One that must be notified; its path."""
    read = await davi.made(INCIDENTS, incident(**changes))
    path = f"{INCIDENTS}/{read['id']}"
    await davi.made(f"{path}/assess", {"affects_significantly": True, "involves": ["large_scale"]})
    return path


async def prepared(davi: Person, ana: Person) -> str:
    """One of which everything is known."""
    await davi.call("PUT", "/api/v1/controller-profile", json=PROFILE)
    await davi.made("/api/v1/privacy-officers", OFFICER)
    await make_client(ana)
    path = await made(davi, **KNOWN)
    await davi.made(f"{path}/scope", {"everybody": True})
    return path


async def states(davi: Person, path: str) -> dict[str, str]:
    return {one["kind"]: one["state"] for one in (await davi.seen(path))["deadlines"]}


async def give(davi: Person, path: str, notice: dict[str, Any], **changes: Any) -> httpx.Response:
    return await davi.post(f"{path}/notices", notice | changes)


async def test_draft_names_what_the_register_does_not_say(davi: Person) -> None:
    path = await made(davi)

    to_anpd = await davi.seen(f"{path}/draft", audience="anpd")
    to_subjects = await davi.seen(f"{path}/draft", audience="subjects")

    assert to_anpd["missing"] == [
        "Natureza e categoria dos dados pessoais afetados",
        "Número de titulares afetados",
        "Medidas técnicas e de segurança, antes e depois do incidente",
        "Riscos e possíveis impactos aos titulares",
        "Medidas para reverter ou mitigar os efeitos",
        "Encarregado ou representante do controlador",
        "Identificação do controlador",
    ]
    assert to_subjects["missing"] == [
        "Que dados seus foram afetados",
        "Como protegemos os dados",
        "Que riscos isso pode trazer para você",
        "O que fizemos e vamos fazer",
        "Com quem falar",
    ]
    assert "[a informar]" in to_anpd["text"]


async def test_complete_draft_says_everything_the_resolution_asks_for(
    davi: Person, ana: Person
) -> None:
    path = await prepared(davi, ana)

    to_anpd = await davi.seen(f"{path}/draft", audience="anpd")
    to_subjects = await davi.seen(f"{path}/draft", audience="subjects")
    pdf = await davi.get(f"{path}/draft/export", params={"audience": "subjects"})

    assert (to_anpd["missing"], to_subjects["missing"]) == ([], [])
    required = [section["requirement"] for section in to_anpd["sections"]]
    items = ["I", "II", "III", "IV", "VI", "VII", "VIII", "IX", "X", "XI", "XII"]
    assert required == [f"Art. 6º, § 2º, {item}" for item in items]
    for said in ("1 titular.", "Davi Exemplo", "Causa raiz: Autocompletar", "larga escala"):
        assert said in to_anpd["text"]
    assert "encarregado@aurora.example" in to_subjects["text"]
    document = pypdfium2.PdfDocument(pdf.content)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    assert "Golpes por telefone." in text
    assert "Ainda a informar" not in text


async def test_first_notice_may_lack_something_with_reasons_and_is_completed_later(
    davi: Person, ana: Person, records: Records
) -> None:
    path = await made(davi)
    refused = await give(davi, path, ANPD)
    given = await give(davi, path, ANPD, incomplete_because="A apuração continua.")
    unready = await give(davi, path, ANPD, kind="completion")

    assert refused.json()["code"] == "INCIDENT_NOTICE_INCOMPLETE"
    assert given.status_code == 201, given.text
    assert unready.status_code == 409
    notice = given.json()["data"]
    assert notice["sha256"] == hashlib.sha256(notice["text"].encode()).hexdigest()
    assert await states(davi, path) == {
        "anpd_notice": "met",
        "subjects_notice": "open",
        "anpd_completion": "open",
        "subjects_declaration": "open",
    }
    sent = notice["sent_at"]
    (completion,) = [
        one for one in (await davi.seen(path))["deadlines"] if one["kind"] == "anpd_completion"
    ]
    expected = business_days_after(datetime.fromisoformat(sent), 20)
    assert datetime.fromisoformat(completion["due_at"]) == expected
    text = "Comunicação completada."
    completed = await give(davi, path, ANPD, kind="completion", text=text)
    assert completed.json()["data"]["text"] == text
    assert (await states(davi, path))["anpd_completion"] == "met"
    assert len(await records.audit("incident.notified")) == 2


async def test_everything_told_at_once_leaves_nothing_to_complete_and_it_can_be_closed(
    davi: Person, ana: Person
) -> None:
    path = await prepared(davi, ana)
    early = await davi.post(f"{path}/close")

    answers = [
        await give(davi, path, ANPD),
        await give(davi, path, SUBJECTS),
        await give(davi, path, ANPD, kind="declaration", text="Titulares avisados por e-mail."),
    ]
    await davi.patch(path, {"operator": "Ninguém"})
    closed = await davi.post(f"{path}/close")

    assert early.json()["code"] == "INCIDENT_NOT_DONE"
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert await states(davi, path) == {
        "anpd_notice": "met",
        "subjects_notice": "met",
        "anpd_completion": "waived",
        "subjects_declaration": "met",
    }
    assert closed.status_code == 200, closed.text
    kinds = [(one["audience"], one["kind"]) for one in await davi.seen(f"{path}/notices")]
    assert kinds == [("anpd", "initial"), ("subjects", "initial"), ("anpd", "declaration")]
    after = await give(davi, path, ANPD)
    assert after.json()["code"] == "INCIDENT_CLOSED"


async def test_late_notice_says_why_it_is_late(davi: Person, ana: Person) -> None:
    path = await prepared(davi, ana)
    known = (utc_now() - timedelta(days=20)).isoformat()
    await davi.patch(path, {"known_at": known})

    incomplete = await davi.seen(f"{path}/draft", audience="subjects")
    unexplained = await give(davi, path, ANPD, text="Texto próprio.")
    await davi.patch(path, {"delay_reason": "O fornecedor avisou tarde."})
    explained = await give(davi, path, ANPD)

    assert incomplete["missing"] == ["Motivos da demora"]
    assert unexplained.json()["code"] == "INCIDENT_DELAY_UNEXPLAINED"
    assert explained.status_code == 201, explained.text
    assert "O fornecedor avisou tarde." in explained.json()["data"]["text"]
    assert (await states(davi, path))["anpd_notice"] == "met_late"


@pytest.mark.parametrize(
    ("notice", "changes", "field"),
    [
        (SUBJECTS, {"kind": "completion"}, "body.kind"),
        (SUBJECTS, {"channel": "anpd_form"}, "body.channel"),
        (ANPD, {"channel": "public"}, "body.channel"),
        (SUBJECTS, {"channel": "public"}, "body.public_until"),
        (ANPD, {"sent_at": "2031-01-01T00:00:00Z"}, "body.sent_at"),
        (ANPD, {"sent_at": "2020-01-01T00:00:00Z"}, "body.sent_at"),
        (ANPD, {"protocol": ""}, "body.protocol"),
    ],
)
async def test_notice_that_cannot_be_is_refused(
    davi: Person, ana: Person, notice: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    path = await prepared(davi, ana)

    answer = await give(davi, path, notice, **changes)

    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["details"]] == [field]
    assert await davi.seen(f"{path}/notices") == []


async def test_public_notice_stays_for_three_months(davi: Person, ana: Person) -> None:
    path = await prepared(davi, ana)
    until = (utc_now() + timedelta(days=91)).isoformat()

    answer = await give(davi, path, SUBJECTS, channel="public", public_until=until)

    assert answer.status_code == 201, answer.text
    assert (await states(davi, path))["subjects_notice"] == "met"


async def test_of_what_need_not_be_notified_no_notice_is_kept(davi: Person, ana: Person) -> None:
    path = await prepared(davi, ana)
    reason = {"affects_significantly": False, "no_notice_reason": "Cifrado."}
    await davi.made(f"{path}/assess", reason)

    answer = await give(davi, path, ANPD)

    assert answer.json()["code"] == "INCIDENT_NOTICE_NOT_NEEDED"


async def test_people_are_told_one_by_one_and_the_first_proof_stands(
    davi: Person, ana: Person, records: Records
) -> None:
    clients = [(await make_client(ana, name=f"Cliente {n}"))["id"] for n in range(3)]
    stranger = (await make_client(ana, name="Alheia"))["id"]
    path = await made(davi)
    await davi.made(f"{path}/scope", {"client_ids": clients})
    told = f"{path}/subjects/told"

    some = await davi.made(
        told, {"client_ids": clients[:1], "channel": "phone", "proof": "Ligação"}
    )
    rest = await davi.made(told, {"everybody": True, "channel": "email", "proof": "Lote 118"})
    refused = await davi.post(told, {"client_ids": [stranger], "channel": "email", "proof": "x"})
    neither = await davi.post(told, {"channel": "email", "proof": "x"})

    assert (some, rest) == ({"told": 1, "left": 2}, {"told": 2, "left": 0})
    assert (refused.status_code, neither.status_code) == (404, 422)
    subjects = await davi.seen(f"{path}/subjects", told=True)
    proofs = {one["client_id"]: one["proof"] for one in subjects}
    assert proofs == dict(zip(clients, ("Ligação", "Lote 118", "Lote 118"), strict=True))
    assert len(await records.audit("incident.subjects_told")) == 2
    again = await davi.made(f"{path}/scope", {"client_ids": clients[1:]})
    assert again["computed"]["counts"]["clients"] == 3  # who was told stays


async def test_subjects_are_paged(davi: Person, ana: Person) -> None:
    clients = {(await make_client(ana, name=f"Cliente {n}"))["id"] for n in range(5)}
    path = await made(davi)
    await davi.made(f"{path}/scope", {"everybody": True})

    first = await davi.get(f"{path}/subjects", params={"limit": 3})
    cursor = first.json()["meta"]["next_cursor"]
    second = await davi.get(f"{path}/subjects", params={"limit": 3, "cursor": cursor})

    pages = [one["client_id"] for page in (first, second) for one in page.json()["data"]]
    assert len(pages) == 5
    assert set(pages) == clients
    bad = await davi.get(f"{path}/subjects", params={"cursor": "bm90aGluZw"})
    assert bad.status_code == 422
