"""Versions of a document: one is searched at any time, and what was cited can always be read."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person, originals

from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

FIRST = "O refeitório serve almoço das 11h30 às 14h."
SECOND = "O refeitório serve almoço das 12h às 15h, também aos sábados."
BROKEN = b"%PDF-1.7\n" + b"not really" * 50
QUESTION = "que horas o refeitório serve almoço?"


async def send(person: Person, document_id: UUID, text: str = SECOND, **fields: Any) -> Any:
    """A new version as text, waiting."""
    path = f"{DOCUMENTS}/{document_id}/versions"
    return await person.post(path, json={"text": text, **fields})


async def read(person: Person, document_id: UUID) -> dict[str, Any]:
    answer = await person.get(f"{DOCUMENTS}/{document_id}")
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def versions(person: Person, document_id: UUID) -> list[dict[str, Any]]:
    answer = await person.get(f"{DOCUMENTS}/{document_id}/versions")
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def test_the_current_version_is_searched_until_the_new_one_is_indexed(ana: Person) -> None:
    document_id = await ana.index(FIRST)

    answer = await send(ana, document_id)
    waiting = await ana.search(QUESTION)
    meanwhile = await read(ana, document_id)
    await ana.ingestion.drain_once("tests")
    switched = await ana.search(QUESTION)

    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"{DOCUMENTS}/{document_id}/versions/2"
    assert [(found["content"], found["version"]) for found in waiting] == [(FIRST, 1)]
    assert (meanwhile["status"], meanwhile["current_version"]) == ("pending", 1)
    assert meanwhile["notice"] == (
        "A versão 2 aguarda processamento; a busca continua com a versão 1."
    )
    assert [(found["content"], found["version"]) for found in switched] == [(SECOND, 2)]
    now = await read(ana, document_id)
    assert (now["status"], now["current_version"], now["latest_version"]) == ("indexed", 2, 2)
    assert now["notice"] is None


async def test_what_was_cited_can_be_read_in_the_version_it_was_cited_from(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    source = (await ana.ask("Qual é o valor do auxílio-creche?"))["sources"][0]
    await send(ana, document_id)
    await ana.ingestion.drain_once("tests")
    path = f"{DOCUMENTS}/{document_id}/content"

    cited = (await ana.get(path, params={"version": source["version"]})).text
    current = (await ana.get(path)).text
    none = await ana.get(path, params={"version": 3})

    assert cited[source["char_start"] : source["char_end"]] == source["quote"]
    assert current == SECOND
    assert (none.status_code, none.json()["code"]) == (404, "VERSION_NOT_FOUND")


async def test_searches_during_the_switch_see_one_version(ana: Person) -> None:
    """Neither none nor both, however many times it switches."""
    document_id = await ana.index(FIRST, "Refeitório")
    seen: list[list[tuple[int, str]]] = []
    over = asyncio.Event()

    async def look() -> None:
        while not over.is_set():
            found = await ana.search(QUESTION)
            seen.append([(passage["version"], passage["content"]) for passage in found])

    looking = [asyncio.create_task(look()) for _ in range(4)]
    texts = {1: FIRST}
    for number in range(2, 8):
        texts[number] = f"{SECOND} Edição {number}."
        assert (await send(ana, document_id, texts[number])).status_code == 202
        await ana.ingestion.drain_once("tests")
    over.set()
    await asyncio.gather(*looking)

    assert {len(found) for found in seen} == {1}
    assert {pair for found in seen for pair in found} <= set(texts.items())
    assert len({found[0][0] for found in seen}) > 1


async def test_a_version_that_failed_leaves_the_former_searched_and_says_so(ana: Person) -> None:
    document_id = await ana.index(FIRST)
    path = f"{DOCUMENTS}/{document_id}"

    answer = await ana.post(f"{path}/versions", files={"file": ("a.pdf", BROKEN)})
    await ana.ingestion.drain_once("tests")
    document = await read(ana, document_id)

    assert answer.status_code == 202, answer.text
    assert [found["content"] for found in await ana.search(QUESTION)] == [FIRST]
    assert (await ana.get(f"{path}/content")).text == FIRST
    assert (document["status"], document["error_code"]) == ("failed", "DOCUMENT_BROKEN")
    assert document["notice"] == "A versão 2 falhou; a busca continua com a versão 1."
    newest, oldest = await versions(ana, document_id)
    assert (newest["status"], newest["error_code"]) == ("failed", "DOCUMENT_BROKEN")
    assert (oldest["status"], oldest["is_current"]) == ("indexed", True)
    not_ready = await ana.get(f"{path}/content", params={"version": 2})
    assert (not_ready.status_code, not_ready.json()["code"]) == (409, "DOCUMENT_CONTENT_NOT_READY")

    await send(ana, document_id)  # and the next one is number 3
    await ana.ingestion.drain_once("tests")
    assert [v["status"] for v in await versions(ana, document_id)] == [
        "indexed",
        "failed",
        "indexed",
    ]


async def test_a_newer_version_takes_the_place_of_one_on_its_way(ana: Person) -> None:
    document_id = await ana.index(FIRST)
    await send(ana, document_id, "Um texto que ninguém mais quer.")
    await send(ana, document_id, SECOND)

    worked = await ana.ingestion.drain_once("tests")

    assert worked == 1
    assert [found["content"] for found in await ana.search(QUESTION)] == [SECOND]
    assert [(v["number"], v["status"]) for v in await versions(ana, document_id)] == [
        (3, "indexed"),
        (2, "cancelled"),
        (1, "indexed"),
    ]


@pytest.mark.parametrize("move", ["cancel", "retry", "delete"])
async def test_moves_while_a_version_is_on_its_way(ana: Person, objects: Path, move: str) -> None:
    document_id = await ana.index(FIRST)
    path = f"{DOCUMENTS}/{document_id}"
    await send(ana, document_id)
    (job,) = await ana.ingestion.queue.claim("tests", 10)  # a worker is at it

    if move == "delete":
        assert (await ana.call("DELETE", path)).status_code == 204
    else:
        cancelled = await ana.post(f"{path}/cancel")
        assert cancelled.json()["data"]["notice"] == (
            "A versão 2 foi cancelada; a busca continua com a versão 1."
        )
    await ana.ingestion.work_off(job)  # which it notices
    contents = [found["content"] for found in await ana.search(QUESTION)]

    if move == "delete":
        assert contents == []
        for gone in (path, f"{path}/content", f"{path}/versions", f"{path}/versions/1"):
            answer = await ana.get(gone)
            assert (answer.status_code, answer.json()["code"]) == (410, "DOCUMENT_DELETED")
        assert (await send(ana, document_id)).status_code == 410
        assert not originals(objects, str(document_id))
        return
    assert contents == [FIRST]
    if move == "retry":
        assert (await ana.post(f"{path}/retry")).status_code == 202
        await ana.ingestion.drain_once("tests")
        assert [found["content"] for found in await ana.search(QUESTION)] == [SECOND]


async def test_the_same_content_is_no_new_version(ana: Person, objects: Path) -> None:
    answer = await ana.post(DOCUMENTS, files={"file": ("a.txt", FIRST.encode())})
    document_id = UUID(answer.json()["data"]["id"])
    await ana.ingestion.drain_once("tests")
    path = f"{DOCUMENTS}/{document_id}/versions"
    before = originals(objects, str(document_id))

    same = await ana.post(path, files={"file": ("b.txt", FIRST.encode())})
    otherwise_cut = await ana.post(path, json={"text": FIRST, "chunking": "fixed"})

    assert (same.status_code, same.json()["data"]["latest_version"]) == (200, 1)
    assert originals(objects, str(document_id)) == before
    assert otherwise_cut.status_code == 202


async def test_another_language_is_a_new_version(ana: Person) -> None:
    document_id = await ana.index(FIRST)

    as_detected = await send(ana, document_id, FIRST, language="pt")
    said = await send(ana, document_id, FIRST, language="en")
    await ana.ingestion.drain_once("tests")
    document = (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]

    assert (as_detected.status_code, said.status_code) == (200, 202)
    assert (document["current_version"], document["language"]) == (2, "en")


async def test_going_back_to_what_is_searched_forgets_what_failed_since(ana: Person) -> None:
    document_id = await ana.index(FIRST)
    await ana.post(f"{DOCUMENTS}/{document_id}/versions", files={"file": ("a.pdf", BROKEN)})
    await ana.ingestion.drain_once("tests")

    answer = await send(ana, document_id, FIRST)

    assert answer.status_code == 200, answer.text
    document = await read(ana, document_id)
    assert (document["status"], document["latest_version"], document["notice"]) == (
        "indexed",
        1,
        None,
    )
    assert len(await versions(ana, document_id)) == 1
    await send(ana, document_id)
    await ana.ingestion.drain_once("tests")
    assert (await read(ana, document_id))["current_version"] == 2


async def test_two_versions_at_once_are_two_versions(ana: Person) -> None:
    document_id = await ana.index(FIRST)

    answers = await asyncio.gather(*(send(ana, document_id, f"{SECOND} {n}") for n in range(4)))
    await ana.ingestion.drain_once("tests")

    assert [answer.status_code for answer in answers] == [202] * 4
    assert [v["number"] for v in await versions(ana, document_id)] == [5, 4, 3, 2, 1]
    assert (await read(ana, document_id))["current_version"] == 5


async def test_a_version_based_on_an_older_state_is_refused(ana: Person, objects: Path) -> None:
    document_id = await ana.index(FIRST)
    path = f"{DOCUMENTS}/{document_id}/versions"

    stale = await ana.post(
        path, files={"file": ("a.txt", b"Outro texto.")}, headers={"if-match": '"1"'}
    )

    assert (stale.status_code, stale.json()["code"]) == (412, "PRECONDITION_FAILED")
    assert not originals(objects, str(document_id))


async def test_a_version_is_refused_like_a_document(ana: Person, vera: Person) -> None:
    document_id = await ana.index(FIRST)
    path = f"{DOCUMENTS}/{document_id}/versions"

    assert (await vera.post(path, json={"text": "x"})).status_code == 403
    assert (await ana.post(path, json={})).status_code == 422
    assert (await ana.post(path, json={"text": "x", "tags": ["a"]})).status_code == 422
    assert (await ana.post(path, content=b"x")).status_code == 415
    assert (await ana.post(f"{DOCUMENTS}/{new_id()}/versions", json={"text": "x"})).status_code == (
        404
    )
    assert (await ana.get(f"{path}/0")).status_code == 422


async def test_the_same_key_is_one_version(ana: Person) -> None:
    document_id = await ana.index(FIRST)
    path = f"{DOCUMENTS}/{document_id}/versions"
    headers = {"idempotency-key": str(uuid4())}

    first = await ana.post(path, json={"text": SECOND}, headers=headers)
    second = await ana.post(path, json={"text": SECOND}, headers=headers)

    assert first.status_code == second.status_code == 202
    assert len(await versions(ana, document_id)) == 2


async def test_stages_are_timed(ana: Person) -> None:
    document_id = await ana.index(FIRST)

    stages = (await read(ana, document_id))["stages"]

    assert [stage["stage"] for stage in stages] == ["fetch", "extract", "chunk", "embed", "index"]
    assert all(stage["seconds"] >= 0 for stage in stages)


async def test_a_deleted_document_is_gone_for_its_organization_only(
    ana: Person, beto: Person
) -> None:
    document_id = await ana.index(FIRST)
    await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")

    for path in ("", "/content", "/versions", "/versions/1"):
        assert (await ana.get(f"{DOCUMENTS}/{document_id}{path}")).status_code == 410
        theirs = await beto.get(f"{DOCUMENTS}/{document_id}{path}")
        nobodys = await beto.get(f"{DOCUMENTS}/{new_id()}{path}")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["message"] == nobodys.json()["message"]
