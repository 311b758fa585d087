"""Purposes, notices, consents and their revocation."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from core_api_factories import (
    CLIENTS,
    PURPOSES,
    TICKETS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
)
from core_api_inventory import PICTURE
from core_api_records import Records

from core_api.modules.consents.models import LegalBasis
from devstack.people import PEOPLE
from shared_schemas.ids import new_id


async def test_purpose_is_registered_with_the_hash_of_its_notice(ana: Person) -> None:
    text = "Usamos seu e-mail para enviar novidades. Você pode cancelar quando quiser."

    answer = await ana.post(
        PURPOSES,
        {
            "code": "novidades",
            "name": "Novidades",
            "description": "Enviar novidades por e-mail.",
            "legal_basis": "consent",
            "notice_text": text,
        },
    )

    purpose = answer.json()["data"]
    assert answer.status_code == 201
    assert (purpose["notice_version"], purpose["locale"]) == (1, "pt-BR")
    assert purpose["notice_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert answer.headers["location"] == f"{PURPOSES}/novidades"
    assert await ana.seen(f"{PURPOSES}/novidades") == purpose
    assert await ana.seen(PURPOSES) == [purpose]


@pytest.mark.parametrize("legal_basis", list(LegalBasis))
async def test_every_legal_basis_of_the_law_is_accepted(ana: Person, legal_basis: str) -> None:
    assert (await make_purpose(ana, legal_basis=legal_basis))["legal_basis"] == legal_basis


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"legal_basis": "interesse"}, "legal_basis"),
        ({"name": "Geral"}, "name"),
        ({"description": "Outras finalidades."}, "description"),
        ({"code": "Com Espaço"}, "code"),
        ({"notice_text": "  \n "}, "notice_text"),
        ({"locale": "português"}, "locale"),
        ({"notice_version": 7}, "notice_version"),
    ],
)
async def test_bad_purpose_is_refused(ana: Person, changes: dict[str, Any], field: str) -> None:
    given = {
        "code": "novidades",
        "name": "Novidades",
        "description": "Enviar novidades.",
        "legal_basis": "consent",
        "notice_text": "Texto.",
    }

    answer = await ana.post(PURPOSES, given | changes)

    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [f"body.{field}"]


async def test_code_belongs_to_one_purpose(ana: Person, beto: Person) -> None:
    await make_purpose(ana)

    again = await ana.post(PURPOSES, _purpose())
    elsewhere = await beto.post(PURPOSES, _purpose())

    assert (again.status_code, again.json()["code"]) == (409, "PURPOSE_CODE_TAKEN")
    assert elsewhere.status_code == 201


def _purpose() -> dict[str, Any]:
    return {
        "code": "novidades",
        "name": "Novidades",
        "description": "Enviar novidades.",
        "legal_basis": "consent",
        "notice_text": "Texto.",
    }


async def test_new_notice_is_a_new_version_and_the_old_one_stays(ana: Person) -> None:
    purpose = await make_purpose(ana)
    path = f"{PURPOSES}/novidades"

    notice = await ana.made(f"{path}/notices", {"notice_text": "Texto novo."})
    stale = await ana.post(
        f"{path}/notices", {"notice_text": "Outro."}, headers={"if-match": '"1"'}
    )

    assert notice["version"] == 2
    assert stale.status_code == 412
    assert [row["version"] for row in await ana.seen(f"{path}/notices")] == [2, 1]
    changed = await ana.seen(path)
    assert (changed["notice_version"], changed["notice_text"]) == (2, "Texto novo.")
    assert changed["notice_sha256"] != purpose["notice_sha256"]


async def test_description_changes_and_the_legal_basis_does_not(ana: Person) -> None:
    await make_purpose(ana)
    path = f"{PURPOSES}/novidades"

    changed = await ana.patch(path, {"description": "Enviar novidades e avisos."})
    refused = await ana.patch(path, {"legal_basis": "contract"})

    assert changed.json()["data"]["description"] == "Enviar novidades e avisos."
    assert changed.headers["etag"] == '"2"'
    assert refused.status_code == 422


async def test_receipt_says_who_decided_what_on_which_text(
    ana: Person, bruno: Person, records: Records
) -> None:
    purpose = await make_purpose(ana)
    client = await make_client(ana)

    consent = await make_consent(bruno, client["id"])

    assert consent["status"] == consent["decision"] == "granted"
    assert consent["purpose_code"] == "novidades"
    assert (consent["notice_version"], consent["locale"]) == (1, "pt-BR")
    assert consent["notice_sha256"] == purpose["notice_sha256"]
    assert consent["channel"] == "phone"
    assert consent["recorded_by"] == str(PEOPLE["bruno"].sub)
    assert await ana.seen(f"/api/v1/consents/{consent['id']}") == consent
    (event,) = await records.events("consent.granted")
    assert event["payload"] == {
        "consent_id": consent["id"],
        "client_id": client["id"],
        "purpose_id": purpose["id"],
        "purpose_code": purpose["code"],
        "notice_version": 1,
        "decided_at": consent["decided_at"],
        "expires_at": None,
    }
    assert len(await records.audit("consent.granted")) == 1


async def test_refusal_is_recorded_and_grants_nothing(ana: Person, records: Records) -> None:
    await make_purpose(ana)
    client = await make_client(ana)

    consent = await make_consent(ana, client["id"], decision="refused")
    revoked = await ana.post(f"/api/v1/consents/{consent['id']}/revoke", {})

    assert consent["status"] == "refused"
    assert await records.events("consent.granted") == []
    (told,) = await records.events("consent.refused")
    assert told["payload"]["consent_id"] == consent["id"]
    assert len(await records.audit("consent.refused")) == 1
    assert (revoked.status_code, revoked.json()["code"]) == (409, "CONSENT_NOT_GRANTED")


async def test_revoking_leaves_the_receipt_and_adds_to_the_history(
    ana: Person, records: Records
) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])

    answer = await ana.post(
        f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Pedido do titular"}
    )

    revoked = answer.json()["data"]
    assert (answer.status_code, revoked["status"]) == (200, "revoked")
    assert (revoked["decision"], revoked["revocation_reason"]) == ("granted", "Pedido do titular")
    assert revoked["decided_at"] == consent["decided_at"] < revoked["revoked_at"]
    assert await ana.seen(f"{CLIENTS}/{client['id']}/consents") == [revoked]
    (event,) = await records.events("consent.revoked")
    assert event["payload"]["consent_id"] == consent["id"]


async def test_second_revocation_is_refused_and_the_first_stands(ana: Person) -> None:
    await make_purpose(ana)
    consent = await make_consent(ana, (await make_client(ana))["id"])
    path = f"/api/v1/consents/{consent['id']}"
    first = await ana.made(f"{path}/revoke", {"reason": "Primeira"})

    again = await ana.post(f"{path}/revoke", {"reason": "Segunda"})

    assert (again.status_code, again.json()["code"]) == (409, "CONSENT_ALREADY_REVOKED")
    assert await ana.seen(path) == first


async def test_revoking_one_receipt_ends_its_renewals_too(ana: Person, records: Records) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    first = await make_consent(ana, client["id"])
    await ana.made(f"{PURPOSES}/novidades/notices", {"notice_text": "Texto novo."})
    await make_consent(ana, client["id"], notice_version=2)

    await ana.made(f"/api/v1/consents/{first['id']}/revoke", {})

    history = await ana.seen(f"{CLIENTS}/{client['id']}/consents")
    assert [(row["notice_version"], row["status"]) for row in history] == [
        (2, "revoked"),
        (1, "revoked"),
    ]
    assert len(await records.events("consent.revoked")) == 2


async def test_client_may_grant_again_after_revoking(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})

    await make_consent(ana, client["id"])

    history = await ana.seen(f"{CLIENTS}/{client['id']}/consents")
    assert [row["status"] for row in history] == ["granted", "revoked"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"purpose_code": "nenhuma"}, 404, "PURPOSE_NOT_FOUND"),
        ({"notice_version": 2}, 422, "NOTICE_VERSION_UNKNOWN"),
        ({"purpose_code": "contrato"}, 409, "PURPOSE_NEEDS_NO_CONSENT"),
        ({"decision": "maybe"}, 422, "VALIDATION_ERROR"),
        ({"decided_at": "2026-01-01T10:00:00"}, 422, "VALIDATION_ERROR"),
        ({"extra": 1}, 422, "VALIDATION_ERROR"),
    ],
)
async def test_impossible_consent_is_refused(
    ana: Person, changes: dict[str, Any], status: int, code: str
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="contrato", legal_basis="contract")
    client = await make_client(ana)
    given = {
        "purpose_code": "novidades",
        "decision": "granted",
        "channel": "web",
        "notice_version": 1,
    }

    answer = await ana.post(f"{CLIENTS}/{client['id']}/consents", given | changes)

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await ana.seen(f"{CLIENTS}/{client['id']}/consents") == []


async def test_paper_form_is_recorded_with_its_own_date_but_none_from_the_future(
    ana: Person,
) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    signed = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    consent = await make_consent(ana, client["id"], channel="paper", decided_at=signed.isoformat())
    future = await ana.post(
        f"{CLIENTS}/{client['id']}/consents",
        {
            "purpose_code": "novidades",
            "decision": "granted",
            "channel": "paper",
            "notice_version": 1,
            "decided_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        },
    )

    assert datetime.fromisoformat(consent["decided_at"]) == signed
    assert future.status_code == 422
    assert future.json()["details"][0]["field"] == "body.decided_at"


async def test_unknown_client_and_consent_are_not_found(ana: Person) -> None:
    client = await ana.get(f"{CLIENTS}/{new_id()}/consents")
    consent = await ana.post(f"/api/v1/consents/{new_id()}/revoke", {})

    assert (client.status_code, client.json()["code"]) == (404, "CLIENT_NOT_FOUND")
    assert (consent.status_code, consent.json()["code"]) == (404, "CONSENT_NOT_FOUND")


async def test_lists_take_a_fixed_number_of_queries(ana: Person, statements: list[str]) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    for _ in range(3):
        await make_consent(ana, client["id"])
    for path, queries in (
        (PURPOSES, 1),
        (f"{PURPOSES}/novidades/notices", 2),
        (f"{CLIENTS}/{client['id']}/consents", 2),
    ):
        statements.clear()
        await ana.seen(path)
        assert len(statements) == queries, path


async def test_attachment_of_the_clients_ticket_proves_a_decision_and_stays(ana: Person) -> None:
    await make_purpose(ana)
    ticket = await make_ticket(ana)
    path = f"{TICKETS}/{ticket['id']}"
    added = await ana.post(f"{path}/attachments", files={"file": ("termo.png", PICTURE)})
    evidence = added.json()["data"]
    pending = await _decide(ana, ticket["client_id"], evidence["id"])
    note = {"kind": "note", "body": "Termo assinado.", "attachment_ids": [evidence["id"]]}
    await ana.made(f"{path}/messages", note)
    foreign = await _decide(ana, (await make_client(ana))["id"], evidence["id"])
    unknown = await _decide(ana, ticket["client_id"], str(new_id()))

    proven = await _decide(ana, ticket["client_id"], evidence["id"])
    deleted = await ana.delete(f"{path}/attachments/{evidence['id']}")

    assert {each.json()["code"] for each in (pending, foreign, unknown)} == {"EVIDENCE_UNUSABLE"}
    assert proven.status_code == 201, proven.text
    receipt = proven.json()["data"]
    assert receipt["evidence_sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert (deleted.status_code, deleted.json()["code"]) == (409, "ATTACHMENT_IS_EVIDENCE")
    assert len(await ana.seen(f"{path}/attachments")) == 1
    assert (await ana.seen("/api/v1/consents/ledger/verify"))["valid"] is True


async def _decide(person: Person, client_id: str, evidence_id: str) -> httpx.Response:
    given = {
        "purpose_code": "novidades",
        "decision": "granted",
        "channel": "paper",
        "notice_version": 1,
    }
    return await person.post(
        f"{CLIENTS}/{client_id}/consents", given | {"evidence_id": evidence_id}
    )
