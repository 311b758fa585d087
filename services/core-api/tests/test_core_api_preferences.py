"""Links by which clients see and change their consents: without an account, once, telling nothing
to whoever holds no good one."""

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from core_api_factories import (
    CLIENTS,
    PURPOSES,
    Person,
    make_client,
    make_consent,
    make_purpose,
    without_request_id,
)
from core_api_records import Records
from fastapi import FastAPI

from chassis.data.columns import utc_now
from chassis.settings import ServiceSettings
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import Resources
from core_api.modules.consents.preferences_links import LinkSaid
from core_api.settings import CoreApiSettings
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId, new_id

PUBLIC = "/api/v1/public/preferences"


async def link_for(person: Person, client_id: str) -> str:
    made = await person.made(f"{CLIENTS}/{client_id}/preferences-links", {"valid_hours": 2})
    assert made["url"] == f"{PUBLIC}/{made['token']}"
    return str(made["url"])


def choices(decision: str, code: str = "novidades", version: int = 1) -> dict[str, Any]:
    choice = {"purpose_code": code, "notice_version": version, "decision": decision}
    return {"choices": [choice]}


async def test_client_sees_what_stands_and_nothing_of_themselves(
    bruno: Person, ana: Person, http: httpx.AsyncClient
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="pesquisa", name="Pesquisa")
    await make_purpose(ana, code="contrato", legal_basis="contract")
    client = await make_client(ana, email="julia@exemplo.com.br")
    await make_consent(ana, client["id"])

    answer = await http.get(await link_for(bruno, client["id"]))

    assert answer.status_code == 200, answer.text
    shown = answer.json()["data"]["preferences"]
    assert [(each["purpose_code"], each["answer"]) for each in shown] == [
        ("novidades", "granted"),
        ("pesquisa", "undecided"),
    ]
    assert shown[0]["explanation"].startswith("Você autorizou este uso em ")
    assert shown[0]["notice_text"] == "Usamos seu e-mail para enviar novidades."
    for secret in ("Júlia", "julia@", client["id"]):
        assert secret not in answer.text


async def test_client_revokes_and_grants_with_receipts_of_their_own(
    ana: Person, http: httpx.AsyncClient, records: Records
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="pesquisa", name="Pesquisa")
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    url = await link_for(ana, client["id"])
    decided = choices("refused")
    decided["choices"] += choices("granted", "pesquisa")["choices"]

    answer = await http.post(url, json=decided)

    assert answer.status_code == 200, answer.text
    shown = answer.json()["data"]
    assert [each["answer"] for each in shown["preferences"]] == ["refused", "granted"]
    assert shown["expires_at"] is None
    history = await ana.seen(f"{CLIENTS}/{client['id']}/consents")
    assert sorted((row["purpose_code"], row["status"], row["channel"]) for row in history) == [
        ("novidades", "refused", "preferences_link"),
        ("novidades", "revoked", "phone"),
        ("pesquisa", "granted", "preferences_link"),
    ]
    by_link = [row for row in history if row["channel"] == "preferences_link"]
    assert {row["recorded_by"] for row in by_link} == {None}
    (event,) = await records.events("consent.revoked")
    assert (event["payload"]["consent_id"], event["actor_id"]) == (consent["id"], None)
    (noted,) = await records.audit("consent.refused")
    assert (noted["actor_id"], str(noted["about"])) == (None, client["id"])
    assert (await ana.seen("/api/v1/consents/ledger/verify"))["valid"] is True
    assert (await ana.get(f"{CLIENTS}/{client['id']}/timeline")).status_code == 200


async def bad_links(ana: Person, settings: CoreApiSettings) -> dict[str, str]:
    """Every kind of link that is not good, for a client that exists."""
    client = await make_client(ana)
    good = (await link_for(ana, client["id"])).rpartition("/")[2]
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    raw[20] ^= 1
    key = settings.attachments.link_key.get_secret_value().encode()
    known = LinkSaid(
        OrganizationId(AURORA.id),
        UUID(bytes=bytes(raw[16:20]) + bytes([raw[20] ^ 1]) + bytes(raw[21:32])),
        utc_now() + timedelta(hours=1),
    )
    used = await link_for(ana, client["id"])
    await ana.http.post(used, json=choices("granted"))
    gone = await make_client(ana)
    deleted = await link_for(ana, gone["id"])
    await ana.delete(f"{CLIENTS}/{gone['id']}")
    return {
        "changed": base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="),
        "another key": known.signed(b"k" * 32),
        "expired": replace(known, expires_at=utc_now() - timedelta(seconds=1)).signed(key),
        "of nobody": replace(known, link_id=new_id()).signed(key),
        "of nowhere": replace(known, organization_id=OrganizationId(new_id())).signed(key),
        "used": used.rpartition("/")[2],
        "of a deleted client": deleted.rpartition("/")[2],
        "nonsense": "nada",
        "not ASCII": "%C3%A9" * 20,
        "too long": "A" * 180,
    }


async def test_links_that_are_not_good_are_all_answered_alike(
    ana: Person, http: httpx.AsyncClient, settings: CoreApiSettings
) -> None:
    await make_purpose(ana)
    answers = []
    for token in (await bad_links(ana, settings)).values():
        answers.append(await http.get(f"{PUBLIC}/{token}"))
        answers.append(await http.post(f"{PUBLIC}/{token}", json=choices("granted")))

    assert len({str(without_request_id(answer)) for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"PREFERENCES_LINK_INVALID"}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (choices("granted", version=9), 422),
        (choices("granted", code="nenhuma"), 404),
        (choices("granted", code="contrato"), 409),
        (choices("talvez"), 422),
        ({"choices": []}, 422),
        ({"choices": choices("granted")["choices"] * 2}, 422),
    ],
)
async def test_decision_that_cannot_be_leaves_the_link_good(
    ana: Person, http: httpx.AsyncClient, given: dict[str, Any], status: int
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="contrato", legal_basis="contract")
    client = await make_client(ana)
    url = await link_for(ana, client["id"])

    refused = await http.post(url, json=given)

    assert refused.status_code == status, refused.text
    assert await ana.seen(f"{CLIENTS}/{client['id']}/consents") == []
    assert (await http.post(url, json=choices("granted"))).status_code == 200


@pytest.mark.committed
async def test_link_is_used_once_by_many_at_once(ana: Person, http: httpx.AsyncClient) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    url = await link_for(ana, client["id"])

    answers = await asyncio.gather(*(http.post(url, json=choices("granted")) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 5]
    assert len(await ana.seen(f"{CLIENTS}/{client['id']}/consents")) == 1


async def test_link_leads_to_the_client_that_answers_after_a_merge(
    ana: Person, http: httpx.AsyncClient
) -> None:
    await make_purpose(ana)
    survivor, other = [await make_client(ana) for _ in range(2)]
    url = await link_for(ana, other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})

    answer = await http.post(url, json=choices("granted"))

    assert answer.status_code == 200, answer.text
    (receipt,) = await ana.seen(f"{CLIENTS}/{survivor['id']}/consents")
    assert receipt["client_id"] == survivor["id"]


async def test_making_a_link_is_audited_and_channel_of_links_is_theirs_alone(
    ana: Person, vera: Person, records: Records
) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    await link_for(ana, client["id"])
    (noted,) = await records.audit("preferences_link.issued")
    given = {"purpose_code": "novidades", "decision": "granted", "notice_version": 1}
    path = f"{CLIENTS}/{client['id']}"
    lied = await ana.post(f"{path}/consents", given | {"channel": "preferences_link"})

    assert str(noted["about"]) == client["id"]
    assert lied.status_code == 422
    assert (await vera.post(f"{path}/preferences-links", {})).status_code == 403
    assert (await ana.seen(PURPOSES))[0]["code"] == "novidades"


async def test_guessing_is_limited_by_address(
    app: FastAPI, http: httpx.AsyncClient, settings: CoreApiSettings
) -> None:
    resources: Resources = app.state.resources
    limiter = RateLimiter(ServiceSettings(rate_limit_default="5/minute"), settings.redis)
    app.state.resources = replace(resources, limiter=limiter)
    await resources.redis.flushdb()  # what tests before have asked for in this minute
    try:
        answers = [await http.get(f"{PUBLIC}/nada") for _ in range(8)]
    finally:
        app.state.resources = resources
        await limiter.close()

    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
