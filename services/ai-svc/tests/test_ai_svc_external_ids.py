"""Pushing by another system's id: one document per id, and the last thing sent is what it says."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from ai_svc_factories import DOCUMENTS, Person, originals

pytestmark = pytest.mark.committed


async def push(person: Person, external_id: str, **request: Any) -> httpx.Response:
    return await person.call("PUT", f"{DOCUMENTS}/by-external-id/{external_id}", **request)


async def test_new_then_the_same_then_another(ana: Person) -> None:
    first = await push(ana, "erp-1", json={"title": "Taxa", "text": "A taxa é dez."})
    again = await push(ana, "erp-1", json={"title": "Taxa", "text": "A taxa é dez."})
    await ana.ingestion.drain_once("tests")
    indexed = await push(ana, "erp-1", json={"title": "Taxa", "text": "A taxa é dez."})
    other = await push(ana, "erp-1", json={"text": "A taxa é vinte.", "tags": ["rh"]})
    await ana.ingestion.drain_once("tests")
    last = (await ana.get(first.headers["location"])).json()["data"]

    assert [one.status_code for one in (first, again, indexed, other)] == [201, 200, 200, 202]
    assert {one.headers["location"] for one in (first, again, other)} == {first.headers["location"]}
    assert (last["current_version"], last["latest_version"], last["external_id"]) == (2, 2, "erp-1")
    assert (last["title"], last["tags"]) == ("Taxa", ["rh"])
    assert await ana.content(last["id"]) == "A taxa é vinte."


async def test_the_same_in_another_language_is_processed_again(ana: Person) -> None:
    body = {"text": "A taxa é dez."}
    await push(ana, "erp-1", json=body)
    await ana.ingestion.drain_once("tests")

    corrected = await push(ana, "erp-1", json={**body, "language": "en"})
    again = await push(ana, "erp-1", json={**body, "language": "en"})
    await ana.ingestion.drain_once("tests")
    last = (await ana.get(again.headers["location"])).json()["data"]

    assert (corrected.status_code, again.status_code) == (202, 200)
    assert (last["current_version"], last["language"]) == (2, "en")


async def test_files_are_kept_under_their_document_and_no_others(
    ana: Person, objects: Path
) -> None:
    before = originals(objects)
    for content in (b"Um.", b"Um.", b"Dois."):
        await push(ana, "f-1", files={"file": ("a.txt", content)})
    found = originals(objects) - before
    answers = await asyncio.gather(
        *(push(ana, "f-2", files={"file": ("b.txt", b"Ao mesmo tempo.")}) for _ in range(4))
    )
    more = originals(objects) - before - found
    ids = {answer.json()["data"]["id"] for answer in answers}

    assert {path.read_bytes() for path in found} == {b"Um.", b"Dois."}
    assert len(found) == 2
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len(ids) == len(more) == 1
    assert ids.pop() in str(more.pop())


async def test_different_files_at_once_are_versions_of_one(ana: Person, objects: Path) -> None:
    before = originals(objects)
    answers = await asyncio.gather(
        *(push(ana, "g-1", files={"file": ("a.txt", f"Conteúdo {n}.".encode())}) for n in range(3))
    )
    await ana.ingestion.drain_once("tests")
    (document,) = (await ana.get(DOCUMENTS)).json()["data"]
    stored = originals(objects) - before

    assert {answer.status_code for answer in answers} <= {201, 202, 409}
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert document["status"] == "indexed"
    assert all(document["id"] in str(path) for path in stored)


async def test_what_failed_may_be_sent_again(ana: Person) -> None:
    broken = {"file": ("a.pdf", b"%PDF-1.7\nnada")}
    first = await push(ana, "p-1", files=broken)
    await ana.ingestion.drain_once("tests")
    again = await push(ana, "p-1", files=broken)

    assert (first.status_code, again.status_code) == (201, 202)
    assert again.json()["data"]["latest_version"] == 2


async def test_one_organizations_names_are_its_own(ana: Person, beto: Person) -> None:
    mine = await push(ana, "x", json={"text": "De uma."})
    theirs = await push(beto, "x", json={"text": "De outra."})

    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.headers["location"] != theirs.headers["location"]
    assert (await beto.get(mine.headers["location"])).status_code == 404


async def test_what_one_may_not_read_one_does_not_replace(ana: Person, person: Any) -> None:
    await push(
        ana, "s", json={"text": "Segredo.", "visibility": "restricted", "allowed_roles": ["dpo"]}
    )
    answer = await push(person("bruno"), "s", json={"text": "Outro."})

    assert (answer.status_code, answer.json()["code"]) == (409, "EXTERNAL_ID_TAKEN")


async def test_what_is_no_push_is_refused(ana: Person, vera: Person) -> None:
    assert (await push(vera, "x", json={"text": "Um."})).status_code == 403
    assert (await push(ana, "x", json={"text": "Um.", "external_id": "y"})).status_code == 422
    assert (await push(ana, "x", json={})).status_code == 422
    assert (await push(ana, "a" * 201, json={"text": "Um."})).status_code == 422
    assert (await push(ana, "x", content=b"x")).status_code == 415
    assert (await ana.get(DOCUMENTS)).json()["data"] == []


async def test_an_id_may_be_a_path(ana: Person) -> None:
    name = "https://erp.example/docs/7"  # as the gateway lets it through
    first = await push(ana, name, json={"text": "Um."})
    again = await push(ana, name, json={"text": "Um."})

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["data"]["external_id"] == name


async def test_another_id_in_the_body_is_told_apart(ana: Person) -> None:
    answer = await push(ana, "x", json={"text": "Um.", "external_id": "y"})
    (detail,) = answer.json()["details"]

    assert answer.status_code == 422
    assert detail["field"] == "body.external_id"
    assert detail["message"] == "Deve ser o mesmo do endereço, ou ficar de fora."


async def test_after_a_deletion_it_is_new(ana: Person) -> None:
    first = await push(ana, "d", json={"text": "Um."})
    await ana.call("DELETE", first.headers["location"])
    second = await push(ana, "d", json={"text": "Um."})

    assert second.status_code == 201
    assert first.headers["location"] != second.headers["location"]
