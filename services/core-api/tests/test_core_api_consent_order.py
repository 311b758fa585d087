"""Decisions count by when they were taken, not by when somebody typed them in."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_factories import CLIENTS, Person, make_client, make_consent, make_purpose
from core_api_records import Records

from chassis.data.columns import utc_now

NOVIDADES = "novidades"


def days_ago(days: int) -> str:
    return (utc_now() - timedelta(days=days)).isoformat()


def paper(decided_at: str, decision: str = "granted") -> dict[str, Any]:
    return {
        "purpose_code": NOVIDADES,
        "decision": decision,
        "channel": "paper",
        "notice_version": 1,
        "decided_at": decided_at,
    }


async def ground(person: Person, client_id: str) -> str:
    basis = await person.seen(f"{CLIENTS}/{client_id}/legal-basis/{NOVIDADES}")
    found: str = basis["ground"]
    return found


async def statuses(person: Person, client_id: str) -> list[tuple[str, str]]:
    listed = await person.seen(f"{CLIENTS}/{client_id}/consents")
    return [(row["channel"], row["status"]) for row in listed]


async def test_form_signed_before_a_revocation_brings_nothing_back(ana: Person) -> None:
    await make_purpose(ana)
    client_id = (await make_client(ana))["id"]
    consent = await make_consent(ana, client_id, decided_at=days_ago(30))
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})

    late = await ana.post(f"{CLIENTS}/{client_id}/consents", paper(days_ago(10)))

    assert (late.status_code, late.json()["code"]) == (409, "CONSENT_OVERTAKEN")
    assert "depois da decisão informada" in late.json()["message"]
    assert await ground(ana, client_id) == "ended"
    assert await statuses(ana, client_id) == [("phone", "revoked")]
    await make_consent(ana, client_id)  # who says yes again, now
    assert await ground(ana, client_id) == "consent"


async def test_renewal_dated_before_a_revocation_is_refused_too(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await make_purpose(ana, consent_valid_days=20)
    client_id = (await make_client(ana))["id"]
    expired = await make_consent(ana, client_id, decided_at=days_ago(40))
    standing = await make_consent(ana, client_id, decided_at=days_ago(10))
    await ana.made(f"/api/v1/consents/{standing['id']}/revoke", {})

    given = {"channel": "paper", "decided_at": days_ago(5)}
    late = await ana.post(f"/api/v1/consents/{expired['id']}/renew", given)

    assert (late.status_code, late.json()["code"]) == (409, "CONSENT_OVERTAKEN")
    assert await ground(ana, client_id) == "ended"


async def test_refusal_that_turns_up_late_does_not_end_what_was_granted_since(
    ana: Person,
) -> None:
    await make_purpose(ana)
    client_id = (await make_client(ana))["id"]
    await make_consent(ana, client_id, decided_at=days_ago(30))
    await make_consent(ana, client_id, channel="web", decided_at=days_ago(2))

    await ana.made(f"{CLIENTS}/{client_id}/consents", paper(days_ago(10), "refused"))

    assert await ground(ana, client_id) == "consent"
    assert await statuses(ana, client_id) == [
        ("web", "granted"),
        ("paper", "refused"),
        ("phone", "revoked"),
    ]


async def test_who_revoked_as_a_duplicate_has_revoked(
    ana: Person, records: Records, davi: Person
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="pesquisa")
    survivor, other = [(await make_client(ana))["id"] for _ in range(2)]
    for code in (NOVIDADES, "pesquisa"):
        await make_consent(ana, survivor, purpose_code=code, decided_at=days_ago(10))
    consent = await make_consent(ana, other, decided_at=days_ago(30))
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})
    assert await ground(ana, survivor) == "consent"  # two people, as far as anybody knows

    merge = await ana.made(f"{CLIENTS}/{survivor}/merge", {"other_id": other})

    assert await ground(ana, survivor) == "ended"
    other_purpose = await ana.seen(f"{CLIENTS}/{survivor}/legal-basis/pesquisa")
    assert other_purpose["ground"] == "consent"
    assert len(await records.events("consent.revoked")) == 2
    assert (await davi.seen("/api/v1/consents/ledger/verify"))["valid"] is True
    await ana.made(f"/api/v1/client-merges/{merge['id']}/undo", {})
    assert await ground(ana, survivor) == "ended", "asked again rather than used by mistake"


async def test_who_consented_again_after_it_has_consented(ana: Person) -> None:
    await make_purpose(ana)
    survivor, other = [(await make_client(ana))["id"] for _ in range(2)]
    consent = await make_consent(ana, other, decided_at=days_ago(30))
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})
    await make_consent(ana, survivor)

    await ana.made(f"{CLIENTS}/{survivor}/merge", {"other_id": other})

    assert await ground(ana, survivor) == "consent"


async def test_who_has_a_fast_clock_decides_now(ana: Person) -> None:
    await make_purpose(ana)
    client_id = (await make_client(ana))["id"]
    ahead = (utc_now() + timedelta(minutes=4)).isoformat()

    consent = await make_consent(ana, client_id, decided_at=ahead)
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {})
    await make_consent(ana, client_id)

    assert datetime.fromisoformat(consent["decided_at"]) <= utc_now()
    assert await ground(ana, client_id) == "consent"


@pytest.mark.committed
async def test_form_and_revocation_at_once_never_leave_it_standing(ana: Person) -> None:
    await make_purpose(ana)
    for _ in range(4):
        client_id = (await make_client(ana))["id"]
        consent = await make_consent(ana, client_id, decided_at=days_ago(30))

        answers: tuple[httpx.Response, httpx.Response] = await asyncio.gather(
            ana.post(f"{CLIENTS}/{client_id}/consents", paper(days_ago(10))),
            ana.post(f"/api/v1/consents/{consent['id']}/revoke", {}),
        )

        assert [answer.status_code for answer in answers] in ([201, 200], [409, 200])
        assert await ground(ana, client_id) == "ended"
