"""Who answers for personal data: the profile, dated appointments, the notice anybody may read."""

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from core_api_accountability import OFFICER, PROFILE, transfer
from core_api_factories import PURPOSES, Person, make_purpose, without_request_id
from core_api_records import Records
from fastapi import FastAPI

from chassis.data.columns import utc_now
from chassis.settings import ServiceSettings
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import Resources
from core_api.business_days import today
from core_api.settings import CoreApiSettings

OFFICERS = "/api/v1/privacy-officers"
PROFILES = "/api/v1/controller-profile"
TRANSFERS = "/api/v1/international-transfers"
LINK = "/api/v1/privacy-notice-link"
PUBLIC = "/api/v1/public/privacy-notice"


async def put_profile(person: Person, **changes: object) -> httpx.Response:
    return await person.call("PUT", PROFILES, json=PROFILE | changes)


async def test_profile_is_written_once_and_changed_by_who_has_seen_it(
    davi: Person, records: Records
) -> None:
    unsaid = await davi.get(PROFILES)
    assert (unsaid.json()["data"]["legal_name"], unsaid.headers["etag"]) == ("", '"0"')

    first = await put_profile(davi)
    second = await put_profile(davi, website="https://aurora.example")
    stale = await davi.call(
        "PUT", PROFILES, json=PROFILE, headers={"if-match": first.headers["etag"]}
    )

    assert (first.status_code, second.status_code, stale.status_code) == (200, 200, 412)
    assert (await davi.seen(PROFILES))["website"] == "https://aurora.example"
    written, changed = await records.audit("controller_profile.updated")
    assert "legal_name" in written["changed"]
    assert changed["changed"] == ["website"]


@pytest.mark.parametrize(
    "changes", [{"tax_id": "11.222.333/0001-99"}, {"legal_name": " "}, {"motto": "x"}]
)
async def test_profile_that_cannot_be_is_refused(davi: Person, changes: dict[str, object]) -> None:
    assert (await put_profile(davi, **changes)).status_code == 422
    assert (await davi.seen(PROFILES))["version"] == 0


async def test_appointments_are_dated_and_stay_on_record(davi: Person, records: Records) -> None:
    first = await davi.made(OFFICERS, OFFICER)
    refused = await davi.post(OFFICERS, OFFICER | {"name": "Outra Pessoa"})
    substitute = await davi.made(OFFICERS, OFFICER | {"role": "substitute", "name": "Vera"})
    ended = await davi.made(f"{OFFICERS}/{first['id']}/end", {"ends_on": "2026-06-30"})
    again = await davi.post(f"{OFFICERS}/{first['id']}/end", {"ends_on": "2026-07-30"})
    later = {"name": "Nova Pessoa", "starts_on": "2026-07-01"}
    second = await davi.made(OFFICERS, OFFICER | later)

    assert refused.json()["code"] == "PRIVACY_OFFICER_STANDING"
    assert again.json()["code"] == "PRIVACY_OFFICER_ENDED"
    assert ended["ends_on"] == "2026-06-30"
    listed = await davi.seen(OFFICERS)
    assert [one["id"] for one in listed] == [second["id"], substitute["id"], first["id"]]
    assert len(await records.audit("privacy_officer.appointed")) == 3
    assert len(await records.audit("privacy_officer.ended")) == 1


@pytest.mark.committed
async def test_of_two_holders_appointed_at_once_one_is(davi: Person) -> None:
    await davi.get("/api/v1/me")
    answers = await asyncio.gather(
        *(davi.post(OFFICERS, OFFICER | {"name": f"Pessoa {number}"}) for number in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await davi.seen(OFFICERS)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "company"},
        {"ends_on": "2026-03-01"},
        {"email": "encarregado"},
        {"act_reference": ""},
        {"starts_on": "ontem"},
    ],
)
async def test_appointment_that_cannot_be_is_refused(
    davi: Person, changes: dict[str, object]
) -> None:
    assert (await davi.post(OFFICERS, OFFICER | changes)).status_code == 422
    assert await davi.seen(OFFICERS) == []


async def test_contact_changes_the_person_does_not(davi: Person, beto: Person) -> None:
    officer = await davi.made(OFFICERS, OFFICER)
    path = f"{OFFICERS}/{officer['id']}"

    changed = await davi.patch(path, {"phone": "+55 11 4000-0000"})
    renamed = await davi.patch(path, {"name": "Outra Pessoa"})
    foreign = await beto.patch(path, {"phone": "1"})
    unknown = await beto.patch(f"{OFFICERS}/{officer['id'][:-4]}0000", {"phone": "1"})

    assert changed.json()["data"]["phone"] == "+55 11 4000-0000"
    assert renamed.status_code == 422
    assert foreign.status_code == 404
    assert without_request_id(foreign) == without_request_id(unknown)


async def test_notice_is_read_without_an_account_once_it_is_public(
    davi: Person, ana: Person, http: httpx.AsyncClient
) -> None:
    yesterday = (today(utc_now()) - timedelta(days=1)).isoformat()
    gone = OFFICER | {"name": "Antiga Pessoa", "starts_on": "2026-01-01", "ends_on": yesterday}
    await davi.made(OFFICERS, gone)
    await davi.made(OFFICERS, OFFICER)
    await make_purpose(ana, retention_days=30, retention_from="collection", retention_then="delete")
    await make_purpose(ana, code="antiga", name="Antiga")
    await ana.post(f"{PURPOSES}/antiga/archive")
    sent = await davi.made(TRANSFERS, transfer("novidades"))
    link = await davi.seen(LINK)
    assert link["is_shown"] is False
    await put_profile(davi, page_is_public=False)
    hidden = await http.get(link["url"])
    await put_profile(davi)

    answer = await http.get(link["url"])

    assert hidden.json()["code"] == "PRIVACY_NOTICE_LINK_INVALID"
    assert answer.status_code == 200, answer.text
    notice = answer.json()["data"]
    assert [one["name"] for one in notice["officers"]] == ["Davi Exemplo"]
    (purpose,) = notice["purposes"]
    assert purpose["legal_basis"] == "Consentimento do titular (art. 7º, I)"
    assert purpose["retention"] == "30 dias após a coleta; depois os dados são excluídos"
    assert notice["transfers"] == []
    await davi.made(f"{TRANSFERS}/{sent['id']}/authorise", {"reason": "Contrato assinado"})
    (abroad,) = (await http.get(link["url"])).json()["data"]["transfers"]
    assert (abroad["country"], abroad["purposes"]) == ("US", ["Novidades por e-mail"])
    assert len(notice["rights"]) == 11


async def test_small_agent_without_an_encarregado_names_its_channel(
    davi: Person, http: httpx.AsyncClient
) -> None:
    await put_profile(davi)
    link = await davi.seen(LINK)

    notice = (await http.get(link["url"])).json()["data"]

    assert notice["officers"] == []
    assert "ainda não informou" in notice["officer_note"]
    assert notice["subject_channel"] == "privacidade@aurora.example"


async def test_every_bad_address_is_answered_alike(
    davi: Person, beto: Person, http: httpx.AsyncClient
) -> None:
    await put_profile(davi)
    good = (await davi.seen(LINK))["token"]
    unpublished = (await beto.seen(LINK))["token"]
    raw = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
    forged = []
    for position in (3, 20):  # of the organization, of the signature
        changed = bytearray(raw)
        changed[position] ^= 1
        forged.append(base64.urlsafe_b64encode(changed).rstrip(b"=").decode())

    bad = (unpublished, *forged, "nada", good[:-2])
    answers = [await http.get(f"{PUBLIC}/{token}") for token in bad]

    assert {answer.status_code for answer in answers} == {401}
    assert len({str(without_request_id(answer)) for answer in answers}) == 1
    assert good != unpublished


async def test_notice_is_limited_by_address(
    app: FastAPI, http: httpx.AsyncClient, resources: Resources, settings: CoreApiSettings
) -> None:
    limiter = RateLimiter(ServiceSettings(rate_limit_default="5/minute"), settings.redis)
    app.state.resources = replace(resources, limiter=limiter)
    await resources.redis.flushdb()  # what tests before have asked for in this minute
    try:
        answers = [await http.get(f"{PUBLIC}/nada") for _ in range(8)]
    finally:
        app.state.resources = resources
        await limiter.close()

    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 3
