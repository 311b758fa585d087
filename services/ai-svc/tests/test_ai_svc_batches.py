"""Batches: each item on its own, one summary, nothing lost when one is bad."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from access_factories import SERVICE, CoreApi
from ai_svc_factories import DOCUMENTS, Person, originals
from fastapi import FastAPI

from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

BATCH = f"{DOCUMENTS}/batch"


def files(*contents: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", content) for content in contents]


async def listed(person: Person) -> set[str]:
    found = (await person.get(DOCUMENTS, params={"limit": 100})).json()["data"]
    return {document["title"] for document in found}


async def test_files_are_accepted_refused_and_recognised(ana: Person, objects: Path) -> None:
    await ana.index("Já está aqui.", title="Antigo")
    before = originals(objects)
    answer = await ana.post(
        BATCH,
        files=files(
            ("a.txt", b"O primeiro texto."),
            ("b.bin", bytes(range(256)) * 8),
            ("vazio.txt", b""),
            ("c.txt", "Já está aqui.".encode()),
            ("d.txt", b"O segundo texto."),
        ),
        data={"tags": "lote, rh"},
    )
    batch = answer.json()["data"]
    await ana.ingestion.drain_once("tests")
    later = (await ana.get(answer.headers["location"])).json()["data"]

    assert answer.status_code == 202, answer.text
    assert [item["outcome"] for item in batch["items"]] == [
        "accepted",
        "refused",
        "refused",
        "duplicate",
        "accepted",
    ]
    assert (batch["total"], batch["accepted"], batch["refused"], batch["duplicates"]) == (
        5,
        2,
        2,
        1,
    )
    assert batch["items"][1]["error_code"] == "DOCUMENT_TYPE_UNSUPPORTED"
    assert batch["items"][1]["name"] == "b.bin"
    assert batch["items"][2]["error_message"]
    assert (batch["finished"], batch["percent"]) == (0, 0)
    assert (later["finished"], later["percent"]) == (2, 100)
    assert await listed(ana) == {"Antigo", "a.txt", "d.txt"}
    assert len(originals(objects) - before) == 2


async def test_what_is_not_shown_is_not_taken_for_finished(ana: Person, app: FastAPI) -> None:
    await CoreApi(app).purposes()
    of_client = {
        "text": "A ficha do cliente.",
        "visibility": "client",
        "client_id": str(uuid4()),
        "purpose_code": SERVICE,
        "legal_basis": "contract",
    }
    answer = await ana.post(BATCH, json={"items": [of_client]})
    batch = answer.json()["data"]
    await ana.ingestion.drain_once("tests")
    later = (await ana.get(answer.headers["location"])).json()["data"]

    assert (batch["accepted"], batch["finished"], batch["percent"]) == (1, 0, 0)
    assert (later["accepted"], later["finished"], later["percent"]) == (1, 1, 100)
    assert {batch["items"][0]["status"], later["items"][0]["status"]} == {None}


async def test_texts_and_addresses_are_checked_one_by_one(ana: Person) -> None:
    await ana.post(DOCUMENTS, json={"text": "Tomado.", "external_id": "x1"})
    items: list[Any] = [
        {"title": "Um", "text": "Primeiro."},
        {"title": "Nada"},
        {"url": "http://127.0.0.1/"},
        {"text": "Chave repetida.", "external_id": "x1"},
        {"text": "   "},
        {"text": "Campo estranho.", "surpresa": 1},
        {"url": "https://www.gov.br/a"},
    ]
    answer = await ana.post(BATCH, json={"items": items})
    got = [(item["outcome"], item["error_code"]) for item in answer.json()["data"]["items"]]

    assert answer.status_code == 202, answer.text
    assert got == [
        ("accepted", None),
        ("refused", "VALIDATION_ERROR"),
        ("refused", "URL_BLOCKED"),
        ("refused", "EXTERNAL_ID_TAKEN"),
        ("refused", "DOCUMENT_EMPTY"),
        ("refused", "VALIDATION_ERROR"),
        ("accepted", None),
    ]
    assert "text ou url" in answer.json()["data"]["items"][1]["error_message"]


async def test_a_hundred_and_no_more(ana: Person) -> None:
    hundred = [{"text": f"Texto de número {number}."} for number in range(100)]
    accepted = await ana.post(BATCH, json={"items": hundred})
    refused = await ana.post(BATCH, json={"items": [*hundred, {"text": "Mais um."}]})
    many = await ana.post(BATCH, files=files(*((f"{n}.txt", b"x") for n in range(101))))

    assert accepted.json()["data"]["accepted"] == 100
    assert refused.status_code == 422
    assert many.status_code in (400, 422)
    assert len(await listed(ana)) == 100


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"json": {"items": []}}, 422),
        ({"json": {"items": "x"}}, 422),
        ({"json": {"items": [1]}}, 422),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ({"files": [("file", ("a.txt", b"x"))]}, 422),
        ({"files": [("files", ("a.txt", b"x"))], "data": {"visibility": "client"}}, 422),
        ({"files": [("files", ("a.txt", b"x"))], "data": {"title": "Um"}}, 422),
    ],
)
async def test_what_is_no_batch_is_refused(
    ana: Person, objects: Path, request_: dict[str, Any], status: int
) -> None:
    before = originals(objects)
    answer = await ana.post(BATCH, **request_)

    assert answer.status_code == status, answer.text
    assert originals(objects) == before


async def test_only_who_sent_it_sees_it(ana: Person, beto: Person, vera: Person) -> None:
    answer = await ana.post(BATCH, json={"items": [{"text": "Um texto."}]})
    path = answer.headers["location"]
    unknown = f"/api/v1/rag/batches/{new_id()}"
    answers = [await beto.get(path), await beto.get(unknown), await ana.get(unknown)]

    assert [one.status_code for one in answers] == [404] * 3
    assert {one.json()["code"] for one in answers} == {"BATCH_NOT_FOUND"}
    assert (await vera.get(path)).status_code == 403
    assert (await vera.post(BATCH, json={"items": [{"text": "Um."}]})).status_code == 403


async def test_the_same_key_is_one_batch(ana: Person, objects: Path) -> None:
    before = originals(objects)
    request: dict[str, Any] = {
        "files": files(("a.txt", b"Uma vez."), ("b.txt", b"Outra vez.")),
        "headers": {"idempotency-key": str(uuid4())},
    }
    answers = await asyncio.gather(*(ana.post(BATCH, **request) for _ in range(3)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    assert len(await listed(ana)) == 2
    assert len(originals(objects) - before) == 2


async def test_what_was_deleted_is_no_longer_named(ana: Person) -> None:
    answer = await ana.post(BATCH, json={"items": [{"text": "Um."}, {"text": "Dois."}]})
    first = answer.json()["data"]["items"][0]["document_id"]
    await ana.call("DELETE", f"{DOCUMENTS}/{first}")
    later = (await ana.get(answer.headers["location"])).json()["data"]

    assert (later["total"], later["accepted"]) == (2, 1)
    assert [item["position"] for item in later["items"]] == [1]
