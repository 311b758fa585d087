"""Requests that data subjects open themselves, by the link to their preferences."""

import asyncio

import httpx
import pytest
from core_api_factories import CLIENTS, Person, make_client, make_purpose, without_request_id
from core_api_records import Records
from privacy_factories import REQUESTS, identify, make_request
from test_core_api_preferences import bad_links, choices, link_for

from core_api.settings import CoreApiSettings

PUBLIC = "/api/v1/public/preferences"


async def test_subject_asks_for_a_right_without_an_account(
    ana: Person, bruno: Person, http: httpx.AsyncClient, records: Records
) -> None:
    client = await make_client(ana, email="julia@exemplo.com.br")
    url = await link_for(bruno, client["id"])

    opened = await http.post(
        f"{url}/requests", json={"type": "access", "description": "Quero meus dados."}
    )

    assert opened.status_code == 201, opened.text
    told = opened.json()["data"]
    assert (told["name"], told["status"]) == ("acesso aos dados", "identity_pending")
    assert told["explanation"].startswith("Recebemos o seu pedido em ")
    for secret in ("Júlia", "julia@", client["id"], "Quero"):
        assert secret not in opened.text
    request = await ana.seen(f"{REQUESTS}/{told['id']}")
    assert request["description"] == "Quero meus dados."
    assert (request["channel"], request["opened_by"]) == ("preferences_link", None)
    assert (request["identity_level"], request["identity_method"]) == (
        "basic",
        "preferences_link",
    )
    (event,) = await records.events("privacy.request_opened")
    assert event["actor_id"] is None
    (noted,) = await records.audit("privacy_request.opened")
    assert (noted["actor_id"], str(noted["about"])) == (None, client["id"])


async def test_link_is_proof_enough_for_what_asks_for_little(
    ana: Person, http: httpx.AsyncClient
) -> None:
    client = await make_client(ana)
    url = await link_for(ana, client["id"])

    opened = await http.post(f"{url}/requests", json={"type": "revocation"})

    assert opened.json()["data"]["status"] == "received"
    request_id = opened.json()["data"]["id"]
    done = await ana.made(f"{REQUESTS}/{request_id}/execute", None)
    assert done["status"] == "completed"


async def test_subject_sees_rights_and_how_far_their_requests_are(
    ana: Person, http: httpx.AsyncClient
) -> None:
    client, stranger = await make_client(ana), await make_client(ana)
    request = await make_request(ana, client_id=client["id"], type="erasure")
    await make_request(ana, client_id=stranger["id"], type="sharing")
    url = await link_for(ana, client["id"])

    shown = (await http.get(f"{url}/requests")).json()["data"]

    assert len(shown["rights"]) == 11
    assert all(right["explanation"] for right in shown["rights"])
    assert [one["id"] for one in shown["requests"]] == [request["id"]]
    await identify(ana, request["id"])
    refusal = {"ground": "research", "text": "Pesquisa.", "channel": "email"}
    await ana.made(f"{REQUESTS}/{request['id']}/refuse", refusal)
    (told,) = (await http.get(f"{url}/requests")).json()["data"]["requests"]
    assert "recusado" in told["explanation"]
    assert "estudo por órgão de pesquisa (LGPD, art. 16, II)." in told["explanation"]
    assert "Pesquisa." not in told["explanation"], "words go to the subject's own address"


async def test_link_opens_one_request_and_still_takes_decisions(
    ana: Person, http: httpx.AsyncClient
) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    url = await link_for(ana, client["id"])
    assert (await http.post(f"{url}/requests", json={"type": "sharing"})).status_code == 201

    again = await http.post(f"{url}/requests", json={"type": "access"})

    assert (again.status_code, again.json()["code"]) == (409, "PRIVACY_REQUEST_LINK_USED")
    assert (await http.post(url, json=choices("granted"))).status_code == 200
    used = await http.post(f"{url}/requests", json={"type": "access"})
    assert used.status_code == 401
    assert len(await ana.seen(REQUESTS)) == 1


async def test_links_that_are_not_good_open_nothing_and_say_nothing(
    ana: Person, http: httpx.AsyncClient, settings: CoreApiSettings
) -> None:
    await make_purpose(ana)
    answers = []
    for token in (await bad_links(ana, settings)).values():
        answers.append(await http.get(f"{PUBLIC}/{token}/requests"))
        answers.append(await http.post(f"{PUBLIC}/{token}/requests", json={"type": "access"}))

    assert len({str(without_request_id(answer)) for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {401}
    assert await ana.seen(REQUESTS) == []


@pytest.mark.parametrize(
    "given", [{}, {"type": "forgetting"}, {"type": "access", "description": "x" * 5001}]
)
async def test_request_that_makes_no_sense_leaves_the_link_good(
    ana: Person, http: httpx.AsyncClient, given: dict[str, str]
) -> None:
    client = await make_client(ana)
    url = await link_for(ana, client["id"])

    assert (await http.post(f"{url}/requests", json=given)).status_code == 422
    assert (await http.post(f"{url}/requests", json={"type": "access"})).status_code == 201


async def test_request_is_about_who_answers_after_a_merge(
    ana: Person, http: httpx.AsyncClient
) -> None:
    survivor, other = [await make_client(ana) for _ in range(2)]
    url = await link_for(ana, other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})

    opened = await http.post(f"{url}/requests", json={"type": "access"})

    assert opened.status_code == 201, opened.text
    (request,) = await ana.seen(REQUESTS)
    assert request["client_id"] == survivor["id"]


@pytest.mark.committed
async def test_many_at_once_open_one_request(ana: Person, http: httpx.AsyncClient) -> None:
    client = await make_client(ana)
    url = f"{await link_for(ana, client['id'])}/requests"

    answers = await asyncio.gather(*(http.post(url, json={"type": "access"}) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 5]
    assert len(await ana.seen(REQUESTS)) == 1
