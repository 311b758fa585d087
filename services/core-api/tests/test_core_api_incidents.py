"""The register of incidents: the clock, the assessment, who was affected, closing."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from core_api_accountability import incident
from core_api_factories import (
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
    without_request_id,
)
from core_api_records import Records

from chassis.data.columns import utc_now
from core_api.business_days import business_days_after
from devstack.testing import DatabaseUrls

INCIDENTS = "/api/v1/incidents"
SETTINGS = "/api/v1/privacy-settings"
RELEVANT = {"affects_significantly": True, "involves": ["financial"]}
IRRELEVANT = {"affects_significantly": False, "no_notice_reason": "Dados cifrados, sem a chave."}


async def made(person: Person, **changes: Any) -> dict[str, Any]:
    return await person.made(INCIDENTS, incident(**changes))


def due(read: dict[str, Any]) -> dict[str, tuple[datetime, str]]:
    return {
        one["kind"]: (datetime.fromisoformat(one["due_at"]), one["state"])
        for one in read["deadlines"]
    }


async def test_clock_runs_from_the_knowledge(davi: Person, records: Records) -> None:
    read = await made(davi)

    known = datetime.fromisoformat(read["known_at"])
    notice = business_days_after(known, 3)
    assert due(read) == {
        "anpd_notice": (notice, "open"),
        "subjects_notice": (notice, "open"),
        "anpd_completion": (business_days_after(notice, 20), "open"),
        "subjects_declaration": (business_days_after(notice, 3), "open"),
    }
    assert (read["must_be_notified"], read["doubled"], read["status"]) == (True, False, "open")
    kept = datetime.fromisoformat(read["keep_until"]) - datetime.fromisoformat(read["created_at"])
    assert kept >= timedelta(days=5 * 365)
    (event,) = await records.events("incident.registered")
    assert event["payload"] == {"incident_id": read["id"], "severity": "medium"}
    (noted,) = await records.audit("incident.registered")
    assert "description" in noted["changed"]


async def test_another_time_of_knowledge_moves_what_is_due(davi: Person) -> None:
    read = await made(davi)
    earlier = utc_now() - timedelta(days=30)

    changed = await davi.patch(f"{INCIDENTS}/{read['id']}", {"known_at": earlier.isoformat()})

    moved = due(changed.json()["data"])
    assert moved["anpd_notice"] == (business_days_after(earlier, 3), "overdue")


@pytest.mark.parametrize(
    ("threatens", "days"), [(False, 6), (True, 3)], ids=["doubled", "integrity at stake"]
)
async def test_small_agents_have_twice_the_time(davi: Person, threatens: bool, days: int) -> None:
    answer = await davi.patch(SETTINGS, {"is_small_agent": True})
    assert answer.status_code == 200, answer.text
    read = await made(davi)

    path = f"{INCIDENTS}/{read['id']}/assess"
    assessed = await davi.made(path, RELEVANT | {"threatens_integrity": threatens})

    known = datetime.fromisoformat(read["known_at"])
    assert due(read)["anpd_notice"][0] == business_days_after(known, 6)
    assert due(assessed)["anpd_notice"][0] == business_days_after(known, days)


async def test_assessed_as_not_relevant_nobody_is_told_and_the_reason_is_kept(
    davi: Person, records: Records
) -> None:
    read = await made(davi)
    path = f"{INCIDENTS}/{read['id']}"

    early = await davi.post(f"{path}/close")
    unexplained = await davi.post(f"{path}/assess", {"affects_significantly": False})
    assessed = await davi.made(f"{path}/assess", IRRELEVANT)
    closed = await davi.made(f"{path}/close", None)
    late = await davi.patch(path, {"title": "Outro"})

    assert (early.status_code, early.json()["code"]) == (409, "INCIDENT_NOT_DONE")
    assert unexplained.status_code == 422
    assert assessed["must_be_notified"] is False
    assert {state for _, state in due(assessed).values()} == {"waived"}
    assert (closed["status"], closed["no_notice_reason"]) == (
        "closed",
        "Dados cifrados, sem a chave.",
    )
    assert late.json()["code"] == "INCIDENT_CLOSED"
    assert len(await records.audit("incident.closed")) == 1


async def test_assessed_again_as_relevant_the_clock_runs_again(davi: Person) -> None:
    read = await made(davi)
    path = f"{INCIDENTS}/{read['id']}/assess"
    await davi.made(path, IRRELEVANT)

    again = await davi.made(path, RELEVANT | {"severity": "high"})

    assert {state for _, state in due(again).values()} == {"open"}
    assert (again["severity"], again["involves"]) == ("high", ["financial"])
    refused = await davi.post(f"{INCIDENTS}/{read['id']}/close")
    assert refused.json()["code"] == "INCIDENT_NOT_DONE"


@pytest.mark.parametrize(
    "changes",
    [
        {"known_at": "2031-01-01T00:00:00Z"},
        {"known_at": "2026-01-01T00:00:00"},
        {"occurred_at": "2031-01-01T00:00:00Z"},
        {"breaches": []},
        {"severity": "huge"},
        {"title": "\x00"},
    ],
)
async def test_incident_that_cannot_be_is_refused(davi: Person, changes: dict[str, Any]) -> None:
    assert (await davi.post(INCIDENTS, incident(**changes))).status_code == 422
    assert await davi.seen(INCIDENTS) == []


async def test_who_was_affected_is_computed_and_counted(davi: Person, ana: Person) -> None:
    await make_purpose(ana, data_categories=["contato"], subject_categories=["munícipes"])
    julia = await make_client(ana, email="julia@exemplo.com.br", tags=["iptu"])
    await make_client(ana, name="Padaria", kind="company", tags=["iptu"], phone="11987654321")
    other = await make_client(ana, name="Outra", tags=["agua"])
    await make_consent(ana, julia["id"])
    await make_ticket(ana, other["id"])
    read = await made(davi)
    path = f"{INCIDENTS}/{read['id']}"

    async def found(**scope: Any) -> dict[str, Any]:
        data = await davi.made(f"{path}/scope", scope)
        return dict(data["computed"]["counts"])

    tagged = await found(tags=["iptu"], purpose_codes=["novidades"])
    consented = await found(consented_only=True, purpose_codes=["novidades"])
    with_tickets = await found(tickets_from="2026-01-01T00:00:00Z")
    everybody = await found(everybody=True)
    nobody = await found(registered_until="2020-01-01T00:00:00Z")
    named = await found(client_ids=[other["id"]])

    assert tagged == {
        "clients": 2,
        "people": 1,
        "companies": 1,
        "with_email": 1,
        "with_phone": 1,
        "with_document": 0,
        "with_address": 0,
        "told": 0,
    }
    counts = [each["clients"] for each in (consented, with_tickets, everybody, nobody, named)]
    assert counts == [1, 1, 3, 0, 1]
    last = await davi.seen(path)
    assert (last["subjects_affected"], last["subjects_in_activities"]) == (1, 3)
    assert last["data_categories"] == ["contato"]
    assert last["computed"]["named_clients"] == 1
    assert other["id"] not in str(last["computed"])
    subjects = await davi.seen(f"{path}/subjects")
    assert [one["client_id"] for one in subjects] == [other["id"]]


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({}, 422),
        ({"purpose_codes": ["novidades"]}, 422),
        ({"consented_only": True}, 422),
        ({"everybody": True, "purpose_codes": ["inventada"]}, 404),
        ({"client_ids": ["0193f000-0000-7000-8000-000000000000"]}, 404),
    ],
)
async def test_scope_that_says_nothing_or_names_nobody_is_refused(
    davi: Person, scope: dict[str, Any], status: int
) -> None:
    await make_purpose(davi)
    read = await made(davi)

    answer = await davi.post(f"{INCIDENTS}/{read['id']}/scope", scope)

    assert answer.status_code == status, answer.text
    assert (await davi.seen(f"{INCIDENTS}/{read['id']}"))["computed"] is None


async def test_computing_costs_the_same_however_many_are_affected(
    davi: Person, ana: Person, statements: list[str]
) -> None:
    async def cost() -> int:
        read = await made(davi)
        statements.clear()
        await davi.made(f"{INCIDENTS}/{read['id']}/scope", {"everybody": True})
        return len(statements)

    await make_client(ana)
    once = await cost()
    for number in range(5):
        await make_client(ana, name=f"Cliente {number}")

    assert await cost() == once


async def test_list_is_filtered_and_shows_each_clock_in_a_fixed_number_of_queries(
    davi: Person, statements: list[str]
) -> None:
    for severity in ("low", "high", "high"):
        await made(davi, severity=severity)
    statements.clear()

    listed = await davi.seen(INCIDENTS, severity="high", status="open")

    assert len(statements) == 2
    assert [len(one["deadlines"]) for one in listed] == [4, 4]


async def test_stale_version_changes_nothing(davi: Person) -> None:
    read = await made(davi)
    path = f"{INCIDENTS}/{read['id']}"
    await davi.patch(path, {"risks": "Golpes por telefone."})

    for answer in (
        await davi.patch(path, {"risks": "Nenhum"}, headers={"if-match": '"1"'}),
        await davi.post(f"{path}/assess", RELEVANT, headers={"if-match": '"1"'}),
        await davi.post(f"{path}/scope", {"everybody": True}, headers={"if-match": '"1"'}),
    ):
        assert answer.status_code == 412
    assert (await davi.seen(path))["risks"] == "Golpes por telefone."


async def test_another_organizations_incident_is_one_that_does_not_exist(
    davi: Person, beto: Person
) -> None:
    read = await made(davi)
    unknown = f"{read['id'][:-4]}0000"

    for suffix in ("", "/subjects", "/notices", "/draft?audience=anpd"):
        foreign = await beto.get(f"{INCIDENTS}/{read['id']}{suffix}")
        nobody = await beto.get(f"{INCIDENTS}/{unknown}{suffix}")
        assert foreign.status_code == 404
        assert without_request_id(foreign) == without_request_id(nobody)


async def test_attendants_see_no_incidents(bruno: Person, vera: Person) -> None:
    for person in (bruno, vera):
        assert (await person.get(INCIDENTS)).status_code == 403
        assert (await person.post(INCIDENTS, incident())).status_code == 403


@pytest.mark.committed
async def test_application_cannot_delete_what_is_to_be_kept(
    davi: Person, database_urls: DatabaseUrls
) -> None:
    await made(davi)
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    try:
        for table in ("incidents", "incident_notices", "automated_decisions"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f"DELETE FROM crm.{table}")
        for table in ("incident_notices", "automated_decisions"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f"UPDATE crm.{table} SET created_at = now()")
    finally:
        await app.close()
