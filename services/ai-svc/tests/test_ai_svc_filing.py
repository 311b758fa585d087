"""Nothing is filed about a client for a purpose that does not bear it, whichever way it comes."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from access_factories import MARKETING, SERVICE, CoreApi, told_consent
from ai_svc_factories import DOCUMENTS, Person
from ai_svc_uploading import TUS, begun, send
from fastapi import FastAPI
from traces import forms_of, in_objects, in_tables

from chassis.data.columns import utc_now
from shared_schemas.ids import new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("nothing_stored")]

WORD = "Xambioá"
FORMS = forms_of(WORD)
TEXT = f"Jacira mora na rua {WORD}, número 40."
REFUSED = (409, "LEGAL_BASIS_MISSING")


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    core_api = CoreApi(app)
    await core_api.purposes()
    return core_api


def about(client_id: UUID, purpose_code: str = MARKETING) -> dict[str, str]:
    given = {"client_id": str(client_id), "purpose_code": purpose_code, "legal_basis": "consent"}
    return {"visibility": "client", **given}


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json().get("code"))


async def filed(person: Person, client_id: UUID, purpose_code: str = MARKETING) -> int:
    body = {"text": f"{TEXT} {new_id()}", **about(client_id, purpose_code)}
    return (await person.post(DOCUMENTS, json=body)).status_code


async def test_without_a_basis_it_is_refused_whichever_way_it_comes(
    ana: Person, core_api: CoreApi, superuser: asyncpg.Connection, objects: Path
) -> None:
    jacira = new_id()
    fields = about(jacira)
    open_to_all = await ana.index("Um aviso para todos.")
    whole = TEXT.encode()
    location = await begun(ana, len(whole), filename="rua.txt", **fields)
    answers = [
        await ana.post(DOCUMENTS, json={"text": TEXT, **fields}),
        await ana.post(DOCUMENTS, files={"file": (f"{WORD}.txt", whole)}, data=fields),
        await ana.call("PUT", f"{DOCUMENTS}/by-external-id/a-1", json={"text": TEXT, **fields}),
        await ana.call("PATCH", f"{DOCUMENTS}/{open_to_all}", json={"title": WORD, **fields}),
        await send(ana, location, 0, whole),
    ]
    items = [{"text": TEXT, **fields}, {"text": "Outro aviso para todos."}]
    batch = (await ana.post(f"{DOCUMENTS}/batch", json={"items": items})).json()["data"]

    assert [said(answer) for answer in answers] == [REFUSED] * 5
    assert MARKETING in answers[0].json()["message"]
    assert (batch["accepted"], batch["refused"]) == (1, 1)
    assert batch["items"][0]["error_code"] == "LEGAL_BASIS_MISSING"
    assert (await ana.call("DELETE", location, headers=TUS)).status_code == 204
    await superuser.execute("DELETE FROM ai.batch_items")  # who sent it sees what was refused
    assert await in_tables(superuser, FORMS) == {}
    assert in_objects(objects, FORMS) == []


async def test_it_follows_what_stands_now(ana: Person, core_api: CoreApi) -> None:
    jacira, other = new_id(), new_id()
    assert await filed(ana, jacira) == 409
    consent = await core_api.granted(jacira)
    assert (await filed(ana, jacira), await filed(ana, other)) == (202, 409)
    await core_api.revoked(jacira, consent)
    assert await filed(ana, jacira) == 409
    await core_api.granted(jacira)
    assert await filed(ana, jacira) == 202
    await core_api.refused(jacira)
    assert await filed(ana, jacira) == 409


async def test_a_block_the_assistants_rule_and_an_archived_purpose_forbid_it(
    ana: Person, core_api: CoreApi
) -> None:
    jacira = new_id()
    assert await filed(ana, jacira, SERVICE) == 202
    block = await core_api.blocked(jacira)
    assert await filed(ana, jacira, SERVICE) == 409
    await core_api.unblocked(jacira, block)
    assert await filed(ana, jacira, SERVICE) == 202
    await core_api.purpose(SERVICE, assistant_may_use=False)
    assert await filed(ana, jacira, SERVICE) == 409
    await core_api.purpose(SERVICE, archived=True)
    assert await filed(ana, jacira, SERVICE) == 409
    assert await filed(ana, jacira, "nobody-knows-it") == 409


async def test_what_could_not_be_sent_goes_once_there_is_a_basis(
    ana: Person, core_api: CoreApi
) -> None:
    jacira, whole = new_id(), TEXT.encode()
    location = await begun(ana, len(whole), filename="rua.txt", **about(jacira))
    assert said(await send(ana, location, 0, whole)) == REFUSED

    await core_api.granted(jacira)
    last = await send(ana, location, 0, whole)

    assert last.status_code == 204
    assert last.headers["upload-document-id"]


async def posted(person: Person, client_id: UUID) -> bool:
    return await filed(person, client_id) == 202


async def pushed(person: Person, client_id: UUID) -> bool:
    body = {"text": f"{TEXT} {new_id()}", **about(client_id)}
    answer = await person.call("PUT", f"{DOCUMENTS}/by-external-id/{new_id()}", json=body)
    return answer.status_code == 201


async def batched(person: Person, client_id: UUID) -> bool:
    items = [{"text": f"{TEXT} {new_id()}", **about(client_id)}]
    answer = await person.post(f"{DOCUMENTS}/batch", json={"items": items})
    return bool(answer.json()["data"]["accepted"] == 1)


async def uploaded(person: Person, client_id: UUID) -> bool:
    whole = f"{TEXT} {new_id()}".encode()
    location = await begun(person, len(whole), filename="rua.txt", **about(client_id))
    return (await send(person, location, 0, whole)).status_code == 204


@pytest.mark.parametrize("way", [posted, pushed, batched, uploaded])
async def test_filing_does_not_wait_for_an_event(
    app: FastAPI,
    ana: Person,
    core_api: CoreApi,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Person, UUID], Awaitable[bool]],
) -> None:
    jacira = new_id()
    consent = told_consent(jacira)
    facts = {"purposes": [], "blocks": [], "consents": [consent]}

    async def request(_client: Any, _method: str, path: str, **_: Any) -> httpx.Response:
        assert path == "/internal/v1/access-facts/of-clients"
        return httpx.Response(200, json={"data": facts})

    monkeypatch.setattr(type(app.state.workshop.core_api), "request", request)
    assert await way(ana, jacira)
    consent["revoked_at"] = utc_now().isoformat()

    assert not await way(ana, jacira)
