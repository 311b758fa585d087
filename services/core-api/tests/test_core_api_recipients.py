"""Recipients are told of what became of data they were given (LGPD Art. 18 § 6)."""

import asyncio
from typing import Any

import pytest
from core_api_accountability import hear_block, organization_of, transfer
from core_api_factories import (
    INTERNAL_KEY,
    Person,
    make_client,
    make_consent,
    make_purpose,
    without_request_id,
)
from core_api_records import Records

from chassis.data.database import Database
from core_api.modules.recipients.telling import follow_correction, follow_erasure
from devstack.people import AURORA
from shared_schemas.events import PrivacyDataCorrected, PrivacyErasureRequested
from shared_schemas.ids import OrganizationId, new_id

NOTICES = "/api/v1/recipient-notices"
PRINTER = {"name": "Gráfica Boa Vista", "role": "operator", "what_for": "Impressão"}
CLOUD = {"recipient": "Nuvem Externa", "country": "US", "safeguard": "standard_clauses"}
TENANT = OrganizationId(AURORA.id)
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def shared(ana: Person) -> dict[str, Any]:
    """A client whose data is shared with a printer, and with a cloud on consent."""
    await make_purpose(ana, code="contas", legal_basis="contract", recipients=[PRINTER])
    await make_purpose(ana, recipients=[PRINTER], transfers=[CLOUD])
    return await make_client(ana, name="Júlia Prado", external_id="M-77")


async def notice_for(ana: Person, database: Database) -> dict[str, Any]:
    client = await shared(ana)
    await hear_block(database, TENANT, client["id"], None)
    (notice,) = await ana.seen(NOTICES)
    return dict(notice)


async def test_block_is_told_to_whoever_received_the_data(
    ana: Person, davi: Person, database: Database, records: Records
) -> None:
    client = await shared(ana)
    await hear_block(database, TENANT, client["id"], None)
    (never_agreed,) = await davi.seen(NOTICES, client_id=client["id"])
    await make_consent(ana, client["id"])
    await hear_block(database, TENANT, client["id"], None)

    told = await davi.seen(NOTICES, client_id=client["id"], state="pending")

    assert never_agreed["purpose_codes"] == ["contas"]
    assert sorted((one["recipient"], tuple(one["purpose_codes"])) for one in told) == [
        ("Gráfica Boa Vista", ("contas",)),
        ("Gráfica Boa Vista", ("contas", "novidades")),
        ("Nuvem Externa", ("novidades",)),
    ]
    assert {one["act"] for one in told} == {"blocking"}
    assert {one["country"] for one in told} == {None, "US"}
    raised = await records.audit("recipient_notice.raised")
    assert [str(row["about"]) for row in raised] == [client["id"]] * 3
    due = await davi.seen("/api/v1/accountability/deadlines", subject_type="recipient_notice")
    assert {one["subject_id"] for one in due} == {one["id"] for one in told}


async def test_block_of_one_purpose_is_told_to_its_recipients_only(
    ana: Person, database: Database
) -> None:
    client = await shared(ana)
    await make_consent(ana, client["id"])
    await ana.made("/api/v1/international-transfers", transfer("contas"))

    await hear_block(database, TENANT, client["id"], "contas")

    told = await ana.seen(NOTICES)
    assert sorted((one["recipient"], one["recipient_role"]) for one in told) == [
        ("Gráfica Boa Vista", "operator"),
        ("OpenAI, L.L.C.", "importer"),
    ]


async def test_the_same_event_heard_again_tells_nobody_twice(
    ana: Person, database: Database
) -> None:
    client = await shared(ana)
    event = PrivacyDataCorrected.caused(
        organization_id=TENANT,
        correlation_id="correction-1",
        client_id=client["id"],
        privacy_request_id=new_id(),
        changed=("email", "phone"),
    )
    for _ in range(2):
        async with database.transaction(TENANT) as tx:
            await follow_correction(tx, event)

    (notice,) = await ana.seen(NOTICES)

    assert (notice["act"], notice["fields"]) == ("correction", ["email", "phone"])
    assert notice["cause_id"] == str(event.payload.privacy_request_id)


@pytest.mark.parametrize(("mode", "told"), [("erasure", 1), ("replay", 0)])
async def test_erasure_is_told_when_it_begins_and_a_replay_is_not(
    ana: Person, database: Database, mode: str, told: int
) -> None:
    client = await shared(ana)
    event = PrivacyErasureRequested.caused(
        organization_id=TENANT,
        correlation_id="erasure-1",
        privacy_request_id=new_id(),
        client_id=client["id"],
        mode=mode,
    )

    async with database.transaction(TENANT) as tx:
        await follow_erasure(tx, event)

    assert [one["act"] for one in await ana.seen(NOTICES)] == ["deletion"] * told


async def test_nobody_received_anything_nobody_is_told(ana: Person, database: Database) -> None:
    await make_purpose(ana)
    client = await make_client(ana)

    await hear_block(database, TENANT, client["id"], None)

    assert await ana.seen(NOTICES) == []


async def test_letter_names_the_client_and_is_kept_nowhere(
    ana: Person, davi: Person, vera: Person, database: Database, records: Records
) -> None:
    notice = await notice_for(ana, database)

    letter = (await davi.seen(f"{NOTICES}/{notice['id']}"))["letter"]

    for said in ("Gráfica Boa Vista", "Júlia Prado, código M-77", "art. 18, § 6º", notice["id"]):
        assert said in letter
    assert "Júlia" not in str(notice)
    assert "Júlia" not in str(await records.audit("recipient_notice.raised"))
    assert (await vera.get(f"{NOTICES}/{notice['id']}")).status_code == 403


async def test_it_is_sent_delivered_with_proof_and_then_stands(
    ana: Person, davi: Person, database: Database, records: Records
) -> None:
    notice = await notice_for(ana, database)
    path = f"{NOTICES}/{notice['id']}"

    sent = await davi.post(f"{path}/sent", {"channel": "email"})
    unproven = await davi.post(f"{path}/delivered", {"channel": "email"})
    stale = await davi.post(
        f"{path}/delivered",
        {"channel": "email", "proof": "Protocolo 1"},
        headers={"if-match": '"1"'},
    )
    delivered = await davi.post(f"{path}/delivered", {"channel": "email", "proof": "Protocolo 1"})
    again = await davi.post(f"{path}/impossible", {"because": "Extinta"})

    statuses = [one.status_code for one in (sent, unproven, stale, delivered, again)]
    assert statuses == [200, 422, 412, 200, 409]
    assert again.json()["code"] == "RECIPIENT_NOTICE_SETTLED"
    read = delivered.json()["data"]
    assert (read["state"], read["proof"]) == ("delivered", "Protocolo 1")
    assert read["sent_at"] is not None
    assert await davi.seen("/api/v1/accountability/deadlines") == []
    (noted,) = await records.audit("recipient_notice.delivered")
    assert str(noted["about"]) == notice["client_id"]


async def test_who_cannot_be_told_is_said_why(
    ana: Person, davi: Person, database: Database
) -> None:
    notice = await notice_for(ana, database)
    path = f"{NOTICES}/{notice['id']}/impossible"

    unexplained = await davi.post(path, {"because": " "})
    answer = await davi.post(path, {"because": "Empresa extinta, sem sucessora"})

    assert (unexplained.status_code, answer.status_code) == (422, 200)
    assert answer.json()["data"]["impossible_because"] == "Empresa extinta, sem sucessora"
    assert await davi.seen(NOTICES, state="pending") == []


async def test_a_service_delivers_and_proves_it(
    ana: Person, database: Database, records: Records
) -> None:
    notice = await notice_for(ana, database)
    path = f"/internal/v1/recipient-notices/{notice['id']}/delivery"
    said = {"organization_id": str(TENANT), "state": "delivered", "channel": "api"}

    unproven = await ana.http.post(path, headers=WORKER, json=said)
    answer = await ana.http.post(path, headers=WORKER, json=said | {"proof": "HTTP 200, id 9"})

    assert (unproven.status_code, answer.status_code) == (422, 200), answer.text
    (noted,) = await records.audit("recipient_notice.delivered")
    assert noted["actor_id"] is None
    assert (await ana.seen(NOTICES))[0]["settled_by"] is None


@pytest.mark.committed
async def test_of_two_who_settle_it_at_once_one_does(ana: Person, database: Database) -> None:
    notice = await notice_for(ana, database)
    path = f"{NOTICES}/{notice['id']}"

    answers = await asyncio.gather(
        ana.post(f"{path}/delivered", {"channel": "email", "proof": "A"}),
        ana.post(f"{path}/impossible", {"because": "Extinta"}),
        ana.post(f"{path}/delivered", {"channel": "letter", "proof": "B"}),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]


async def test_another_organizations_notice_is_one_that_does_not_exist(
    ana: Person, beto: Person, database: Database
) -> None:
    notice = await notice_for(ana, database)
    assert await organization_of(beto) != TENANT
    unknown = f"{notice['id'][:-4]}0000"

    answers = [
        await beto.post(f"{NOTICES}/{each}/sent", {"channel": "email"})
        for each in (notice["id"], unknown)
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_request_id(answers[0]) == without_request_id(answers[1])
    assert await beto.seen(NOTICES) == []
