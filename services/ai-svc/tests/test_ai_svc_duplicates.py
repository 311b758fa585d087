"""The same content twice is recognised: as far as it is for the same people, and readable."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from access_factories import MARKETING, SERVICE, CoreApi
from ai_svc_factories import DOCUMENTS, Person, originals
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_svc.workshop import Workshop
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

TEXT = "As férias são de trinta dias."
PersonOf = Callable[[str], Person]


async def send(person: Person, **fields: Any) -> Any:
    return await person.post(DOCUMENTS, json={"text": TEXT, **fields})


async def test_the_same_again_is_answered_with_the_document_there_is(
    ana: Person, vera: Person
) -> None:
    document_id = await ana.index(TEXT, "Férias")

    again = await send(ana, title="Outro título")

    data = again.json()["data"]
    assert again.status_code == 200, again.text
    assert (data["id"], data["duplicate_of"]) == (str(document_id), str(document_id))
    assert (data["title"], data["status"]) == ("Férias", "indexed")
    assert "allow_duplicate" in data["notice"]
    assert again.headers["location"] == f"{DOCUMENTS}/{document_id}"
    assert len((await ana.get(DOCUMENTS)).json()["data"]) == 1
    assert await ana.ingestion.drain_once("tests") == 0


async def test_the_same_file_is_not_stored_again(ana: Person, objects: Path) -> None:
    files = {"file": ("a.txt", TEXT.encode())}
    first = await ana.post(DOCUMENTS, files=files)
    await ana.ingestion.drain_once("tests")
    before = originals(objects)

    again = await ana.post(
        DOCUMENTS, files={"file": ("b.txt", TEXT.encode())}, headers={"idempotency-key": "k"}
    )

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["data"]["id"] == first.json()["data"]["id"]
    assert originals(objects) == before


async def test_who_insists_has_it_twice(ana: Person) -> None:
    await ana.index(TEXT)

    insisted = await send(ana, allow_duplicate=True)

    assert insisted.status_code == 202
    assert insisted.json()["data"]["duplicate_of"] is None
    assert len((await ana.get(DOCUMENTS)).json()["data"]) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"visibility": "restricted"},
        {"visibility": "restricted", "allowed_roles": ["viewer"]},
        {"chunking": "fixed"},
        {
            "visibility": "client",
            "client_id": str(new_id()),
            "purpose_code": SERVICE,
            "legal_basis": "contract",
        },
    ],
)
async def test_for_other_people_or_cut_otherwise_it_is_not_the_same(
    ana: Person, app: FastAPI, clean: None, fields: dict[str, Any]
) -> None:
    """Who restricts it must not be told that everybody reads it anyway, and taken by his word."""
    await CoreApi(app).purposes()
    await ana.index(TEXT)

    answer = await send(ana, **fields)

    assert answer.status_code == 202, answer.text


async def test_what_one_may_not_read_is_never_given_away(
    person: PersonOf, app: FastAPI, clean: None
) -> None:
    team_id, client_id = new_id(), new_id()
    core_api = CoreApi(app)
    await core_api.purposes()
    await core_api.team(team_id, added=("vera",))
    of_team: dict[str, Any] = {"visibility": "restricted", "allowed_team_ids": [str(team_id)]}
    of_client = {
        "visibility": "client",
        "client_id": str(client_id),
        "purpose_code": MARKETING,
        "legal_basis": "consent",
    }
    ana, bruno, beto = person("ana"), person("bruno"), person("beto")
    consent_id = await core_api.granted(client_id)
    await ana.index(TEXT, **of_team)
    await ana.index(TEXT, **of_client)

    assert (await send(bruno, **of_team)).status_code == 202  # not in the team
    assert (await send(beto, **of_team)).status_code == 202  # of another organization
    assert (await send(ana, **of_client)).status_code == 200
    await core_api.team(team_id, added=("bruno",))
    await core_api.revoked(client_id, consent_id)
    assert (await send(bruno, **of_team)).status_code == 200
    refused = await send(ana, **of_client)
    assert (refused.status_code, refused.json()["code"]) == (409, "LEGAL_BASIS_MISSING")


async def test_what_says_something_else_by_now_is_no_twin(ana: Person) -> None:
    first = await send(ana)
    await ana.ingestion.drain_once("tests")
    document_id = first.json()["data"]["id"]
    await ana.post(f"{DOCUMENTS}/{document_id}/versions", json={"text": "Outro texto."})
    await ana.ingestion.drain_once("tests")

    second = await send(ana)

    assert (first.status_code, second.status_code) == (202, 202)


async def test_what_is_sent_many_times_at_the_same_moment_is_there_once(ana: Person) -> None:
    answers = await asyncio.gather(*(send(ana) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [202]
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    again = next(answer for answer in answers if answer.status_code == 200).json()["data"]
    assert again["status"] in {"pending", "processing"}
    assert again["duplicate_of"] == again["id"]
    assert len((await ana.get(DOCUMENTS)).json()["data"]) == 1


async def test_on_its_way_for_some_it_is_a_twin_for_its_sender_only(
    ana: Person, person: PersonOf
) -> None:
    of_viewers: dict[str, Any] = {"visibility": "restricted", "allowed_roles": ["viewer"]}
    first = await send(ana, **of_viewers)

    assert (await send(person("bruno"), **of_viewers)).status_code == 202
    again = await send(ana, **of_viewers)
    assert (again.status_code, again.json()["data"]["id"]) == (200, first.json()["data"]["id"])


async def test_what_failed_or_was_stopped_is_no_twin(ana: Person) -> None:
    first = await send(ana)
    await ana.post(f"{DOCUMENTS}/{first.json()['data']['id']}/cancel")

    assert (await send(ana)).status_code == 202


async def test_the_same_text_twice_in_a_batch_is_one_document(ana: Person) -> None:
    items = [{"text": TEXT}, {"text": "Outro texto."}, {"text": TEXT}]
    batches = await asyncio.gather(
        ana.post(f"{DOCUMENTS}/batch", json={"items": items}),
        ana.post(f"{DOCUMENTS}/batch", json={"items": items[::-1]}),
    )

    counts = [answer.json()["data"] for answer in batches]
    assert sum(batch["accepted"] for batch in counts) == 2, counts
    assert sum(batch["duplicates"] for batch in counts) == 4
    assert len((await ana.get(DOCUMENTS)).json()["data"]) == 2


async def test_an_external_id_is_there_once(ana: Person, beto: Person) -> None:
    first = await send(ana, external_id="erp-1")
    taken = await send(ana, external_id="erp-1", text="Outro texto.")

    listed = (await ana.get(DOCUMENTS, params={"external_id": "erp-1"})).json()["data"]
    assert first.status_code == 202
    assert (taken.status_code, taken.json()["code"]) == (409, "EXTERNAL_ID_TAKEN")
    assert [document["id"] for document in listed] == [first.json()["data"]["id"]]
    assert (await send(beto, external_id="erp-1")).status_code == 202


async def test_submitting_is_one_statement(ana: Person, app: FastAPI) -> None:
    workshop: Workshop = app.state.workshop
    await send(ana)  # the connection is warm
    statements: list[str] = []
    engine: AsyncEngine = workshop.database.engines[0]

    def record(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine.sync_engine, "before_cursor_execute", record)
    try:
        answer = await send(ana, text=f"Um texto {uuid4()}.")
    finally:
        sa.event.remove(engine.sync_engine, "before_cursor_execute", record)

    assert answer.status_code == 202
    assert len(statements) == 1, statements


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"visibility": "client"}, "client_id, purpose_code e legal_basis"),
        ({"client_id": str(new_id())}, "visibility client"),
        ({"allowed_roles": ["viewer"]}, "visibility restricted"),
        ({"visibility": "restricted", "allowed_roles": ["root"]}, ""),
        ({"visibility": "secret"}, ""),
    ],
)
async def test_an_access_list_that_does_not_fit_together_is_refused(
    ana: Person, fields: dict[str, Any], message: str
) -> None:
    sent = await send(ana, **fields)
    document_id = await ana.index(TEXT)
    changed = await ana.call("PATCH", f"{DOCUMENTS}/{document_id}", json=fields)

    assert (sent.status_code, changed.status_code) == (422, 422)
    assert message in sent.text


async def test_access_is_changed_in_the_version_that_was_seen(ana: Person, vera: Person) -> None:
    document_id = await ana.index(TEXT)
    path = f"{DOCUMENTS}/{document_id}"
    seen = (await ana.get(path)).headers["etag"]

    changed = await ana.call(
        "PATCH", path, json={"title": "Novo", "tags": ["RH"]}, headers={"if-match": seen}
    )
    stale = await ana.call("PATCH", path, json={"title": "X"}, headers={"if-match": seen})
    same = await ana.call("PATCH", path, json={"title": "Novo"})

    assert changed.json()["data"]["title"] == "Novo"
    assert changed.json()["data"]["tags"] == ["rh"]
    assert stale.status_code == 412
    assert same.headers["etag"] == changed.headers["etag"] != seen
    assert (await ana.search("férias"))[0]["title"] == "Novo"
    assert (await vera.call("PATCH", path, json={"title": "X"})).status_code == 403
