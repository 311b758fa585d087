"""Whether data may be used for a purpose now; renewals, expiry and the registry behind it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from core_api_factories import (
    CLIENTS,
    INTERNAL_KEY,
    PURPOSES,
    Person,
    make_client,
    make_consent,
    make_purpose,
)
from core_api_records import Records

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.consents import legal_basis
from core_api.modules.consents.ledger_models import BlockCause, ProcessingBlock
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, UserId, new_id

SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
NOTICES = f"{PURPOSES}/novidades/notices"


async def ground(person: Person, client_id: str, code: str = "novidades") -> str:
    read = await person.seen(f"{CLIENTS}/{client_id}/legal-basis/{code}")
    assert read["allowed"] is (read["ground"] in {"consent", "other_basis"})
    assert (read["consent_id"] is not None) is (read["ground"] == "consent")
    return str(read["ground"])


async def test_consent_carries_a_use_until_it_is_revoked(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    never = await ground(ana, client["id"])
    consent = await make_consent(ana, client["id"])
    given = await ground(ana, client["id"])
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})

    assert (never, given) == ("never_asked", "consent")
    assert await ground(ana, client["id"]) == "ended"


async def test_refusal_ends_what_stood_and_tells_it(ana: Person, records: Records) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    await make_consent(ana, client["id"], decision="refused")

    assert await ground(ana, client["id"]) == "refused"
    (event,) = await records.events("consent.revoked")
    assert event["payload"]["consent_id"] == consent["id"]
    assert event["payload"]["cause"] == "revoked"


async def test_other_basis_needs_no_consent_and_archiving_ends_every_use(ana: Person) -> None:
    await make_purpose(ana, code="contrato", legal_basis="contract")
    client = await make_client(ana)
    before = await ground(ana, client["id"], "contrato")
    await ana.made(f"{PURPOSES}/contrato/archive", {})
    archived = await ground(ana, client["id"], "contrato")
    await ana.made(f"{PURPOSES}/contrato/restore", {})

    assert (before, archived) == ("other_basis", "purpose_archived")
    assert await ground(ana, client["id"], "contrato") == "other_basis"


async def test_consent_of_a_merged_client_carries_for_the_one_that_answers(ana: Person) -> None:
    await make_purpose(ana)
    survivor, other = [await make_client(ana) for _ in range(2)]
    await make_consent(ana, other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})

    assert await ground(ana, survivor["id"]) == "consent"
    assert await ground(ana, other["id"]) == "consent"


@pytest.mark.parametrize("purpose", [None, "novidades", "pesquisa"])
async def test_blocked_data_is_not_used_whatever_was_agreed(
    ana: Person, database: Database, purpose: str | None
) -> None:
    purposes = {
        code: await make_purpose(ana, code=code, legal_basis=basis)
        for code, basis in (("novidades", "consent"), ("pesquisa", "contract"))
    }
    client = await make_client(ana)
    await make_consent(ana, client["id"])
    block = ProcessingBlock(
        id=new_id(),
        organization_id=OrganizationId(AURORA.id),
        client_id=UUID(client["id"]),
        purpose_id=purpose and UUID(purposes[purpose]["id"]),
        cause=BlockCause.BLOCKING,
        blocked_by=UserId(new_id()),
        blocked_at=utc_now(),
    )
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        session.add(block)
    blocked = {code: await ground(ana, client["id"], code) for code in purposes}
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        lifted = sa.update(ProcessingBlock).where(ProcessingBlock.id == block.id)
        await session.execute(lifted.values(lifted_at=utc_now()))

    free = {"novidades": "consent", "pesquisa": "other_basis"}
    wanted = purposes if purpose is None else {purpose}
    assert blocked == free | dict.fromkeys(wanted, "blocked")
    assert {code: await ground(ana, client["id"], code) for code in purposes} == free


async def test_deleted_client_and_unknown_purpose_are_not_found(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    unknown = await ana.get(f"{CLIENTS}/{client['id']}/legal-basis/nenhuma")
    await ana.delete(f"{CLIENTS}/{client['id']}")
    deleted = await ana.get(f"{CLIENTS}/{client['id']}/legal-basis/novidades")

    assert (unknown.status_code, unknown.json()["code"]) == (404, "PURPOSE_NOT_FOUND")
    assert (deleted.status_code, deleted.json()["code"]) == (404, "CLIENT_NOT_FOUND")


async def test_check_is_one_statement(ana: Person, statements: list[str]) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    await make_consent(ana, client["id"])
    statements.clear()

    await ground(ana, client["id"])

    assert len(statements) == 1


async def test_check_compares_nothing_that_no_index_can_answer(
    ana: Person, database: Database
) -> None:
    """Under row-level security a join on an expression such as coalesce is compared with every row
    of the table: a statement that is quick among ten clients reads all of fifty thousand."""
    client = await make_client(ana)
    compiled = legal_basis.STATEMENT.compile(dialect=database.engines[0].dialect)
    given = {"organization_id": AURORA.id, "client_id": UUID(client["id"])}
    known = {**compiled.params, **given, "purpose_code": "novidades"}
    values = [known[name] for name in compiled.positiontup or ()]
    async with database.transaction(OrganizationId(AURORA.id)) as tx:
        raw: Any = (await (await tx.connection()).get_raw_connection()).driver_connection
        (plan,) = await raw.fetchrow(f"EXPLAIN (FORMAT JSON) {compiled}", *values)

    compared = list(_conditions(plan[0]["Plan"]))
    assert any("client_id" in condition for condition in compared)
    assert [condition for condition in compared if "COALESCE" in condition] == []


def _conditions(plan: dict[str, Any]) -> Iterator[str]:
    """By what a plan finds rows, joins them and leaves them out."""
    yield from (said for name, said in plan.items() if name.endswith(("Cond", "Filter")))
    for inner in plan.get("Plans", []):
        yield from _conditions(inner)


async def test_material_change_asks_again_and_renewing_answers(ana: Person) -> None:
    await make_purpose(ana)
    client, other = [await make_client(ana) for _ in range(2)]
    consent = await make_consent(ana, client["id"])
    await make_consent(ana, other["id"])
    path = f"{CLIENTS}/{client['id']}/consents"
    await ana.made(NOTICES, {"notice_text": "Texto mais claro."})
    editorial = (await ana.seen(path))[0]["renewal_due"]
    notice = await ana.made(NOTICES, {"notice_text": "Também por SMS.", "is_material": True})
    due = await ana.seen(path, renewal_due=True)
    waiting = await ana.seen(f"{PURPOSES}/novidades/renewals")
    before = await ground(ana, client["id"])

    renewed = await ana.made(f"/api/v1/consents/{consent['id']}/renew", {"channel": "phone"})

    assert editorial is False
    assert notice["is_material"] is True
    assert [row["id"] for row in due] == [consent["id"]]
    assert {row["client_id"] for row in waiting} == {client["id"], other["id"]}
    assert before == "renewal_due"
    assert (renewed["renews_id"], renewed["notice_version"]) == (consent["id"], 3)
    assert await ground(ana, client["id"]) == "consent"
    assert await ana.seen(path, renewal_due=True) == []
    left = await ana.seen(f"{PURPOSES}/novidades/renewals")
    assert [row["client_id"] for row in left] == [other["id"]]


async def test_neither_refusal_nor_revoked_consent_is_renewed(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    refused = await make_consent(ana, client["id"], decision="refused")
    revoked = await make_consent(ana, client["id"])
    await ana.made(f"/api/v1/consents/{revoked['id']}/revoke", {})

    answers = [
        await ana.post(f"/api/v1/consents/{each['id']}/renew", {"channel": "phone"})
        for each in (refused, revoked)
    ]

    assert [answer.json()["code"] for answer in answers] == [
        "CONSENT_NOT_GRANTED",
        "CONSENT_ALREADY_REVOKED",
    ]


@pytest.mark.committed
async def test_consent_expires_at_its_time_and_is_ended_exactly_once(
    ana: Person, records: Records, superuser: asyncpg.Connection
) -> None:
    await make_purpose(ana, consent_valid_days=30)
    client = await make_client(ana)
    long_ago = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    consent = await make_consent(ana, client["id"], decided_at=long_ago, channel="paper")
    fresh = await make_consent(ana, (await make_client(ana))["id"])
    before = await ground(ana, client["id"])
    revoked = await ana.post(f"/api/v1/consents/{consent['id']}/revoke", {})

    sweeps = await asyncio.gather(
        *(ana.http.post("/internal/v1/consents/sweep", headers=SERVICE) for _ in range(4))
    )

    assert (consent["status"], before) == ("expired", "ended")
    assert revoked.json()["code"] == "CONSENT_EXPIRED"
    assert sum(answer.json()["data"]["expired"] for answer in sweeps) == 1
    (event,) = await records.events("consent.revoked")
    assert (event["payload"]["consent_id"], event["payload"]["cause"]) == (consent["id"], "expired")
    assert event["actor_id"] is None
    (noted,) = await records.audit("consent.expired")
    assert (noted["actor_id"], str(noted["about"])) == (None, client["id"])
    read = await ana.seen(f"/api/v1/consents/{consent['id']}")
    assert (read["status"], read["revocation_recorded_by"]) == ("expired", None)
    assert await superuser.fetchval("SELECT count(*) FROM crm.consent_expiries") == 1
    assert await ground(ana, fresh["client_id"]) == "consent"
    assert (await ana.seen("/api/v1/consents/ledger/verify"))["valid"] is True


async def test_registry_says_all_the_law_asks_and_changes_are_audited(
    ana: Person, records: Records
) -> None:
    said: dict[str, Any] = {
        "articles": ["7-I", "11-I"],
        "data_categories": ["contato", "contato", "saúde"],
        "subject_categories": ["munícipes"],
        "retention_days": 365,
        "retention_from": "consent_end",
        "retention_then": "anonymize",
        "recipients": [
            {
                "name": "Gráfica",
                "role": "operator",
                "what_for": "Impressão",
                "email": "dados@grafica.example",
            }
        ],
        "transfers": [
            {
                "recipient": "Nuvem",
                "country": "US",
                "safeguard": "standard_clauses",
                "email": None,
            }
        ],
        "assistant_may_use": True,
    }
    purpose = await make_purpose(ana, **said)
    answer = await ana.call(
        "PATCH",
        f"{PURPOSES}/novidades",
        json={"retention_days": 30, "assistant_may_use": False},
        headers={"if-match": '"1"'},
    )
    stale = await ana.call(
        "PATCH", f"{PURPOSES}/novidades", json={"name": "x"}, headers={"if-match": '"1"'}
    )

    assert {name: purpose[name] for name in said} == {
        **said,
        "data_categories": ["contato", "saúde"],
    }
    assert (answer.status_code, stale.status_code) == (200, 412)
    (noted,) = await records.audit("consent_purpose.updated")
    assert noted["values"] == {
        "retention_days": {"from": 365, "to": 30},
        "assistant_may_use": {"from": True, "to": False},
    }


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"articles": ["7-V"]}, "body.articles"),
        ({"articles": ["99"]}, "body.articles.0"),
        ({"retention_days": 30}, "body.retention_from"),
        ({"transfers": [{"recipient": "x", "country": "us"}]}, "body.transfers.0.country"),
        ({"consent_valid_days": 0}, "body.consent_valid_days"),
    ],
)
async def test_registry_refuses_what_cannot_be(
    ana: Person, changes: dict[str, Any], field: str
) -> None:
    await make_purpose(ana)

    answer = await ana.patch(f"{PURPOSES}/novidades", changes)

    assert answer.status_code == 422
    assert field in [detail["field"] for detail in answer.json()["details"]]


async def test_archived_purpose_takes_no_decisions_and_no_changes(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    await ana.made(f"{PURPOSES}/novidades/archive", {})
    given = {"purpose_code": "novidades", "decision": "granted", "channel": "web"}
    answers = [
        await ana.post(f"{CLIENTS}/{client['id']}/consents", given | {"notice_version": 1}),
        await ana.patch(f"{PURPOSES}/novidades", {"name": "Outro nome"}),
        await ana.post(NOTICES, {"notice_text": "Texto."}),
    ]

    assert [answer.json()["code"] for answer in answers] == ["PURPOSE_ARCHIVED"] * 3
    assert await ana.seen(PURPOSES, archived=False) == []
    assert [row["code"] for row in await ana.seen(PURPOSES, archived=True)] == ["novidades"]
    revoked = await ana.post(f"/api/v1/consents/{consent['id']}/revoke", {})
    assert revoked.status_code == 200, "revoking is possible always"
