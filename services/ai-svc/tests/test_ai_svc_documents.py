"""Documents: submitted in three ways, followed, listed, read, cancelled, retried, deleted."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person, originals
from fastapi import FastAPI

from ai_svc.workshop import Workshop
from chassis.data.database import Database
from devstack.testing import DatabaseUrls
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


async def submit(person: Person, **fields: Any) -> dict[str, Any]:
    answer = await person.post(DOCUMENTS, json={"text": "Um texto qualquer.", **fields})
    assert answer.status_code == 202, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def rows_everywhere(urls: DatabaseUrls, text: str) -> list[str]:
    """The tables of schema `ai` that still hold the text in any row."""
    connection = await asyncpg.connect(urls.superuser)
    try:
        tables = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'ai' ORDER BY 1"
        )
        query = 'SELECT count(*) FROM ai."{}" AS r WHERE r::text LIKE $1'
        return [
            table
            for (table,) in tables
            if await connection.fetchval(query.format(table), f"%{text}%")
        ]
    finally:
        await connection.close()


async def test_text_is_accepted_and_indexed(ana: Person) -> None:
    answer = await ana.post(DOCUMENTS, json={"title": "Férias", "text": HOLIDAYS, "tags": ["RH"]})
    submitted = answer.json()["data"]
    await ana.ingestion.drain_once("tests")
    document = (await ana.get(f"{DOCUMENTS}/{submitted['id']}")).json()["data"]

    assert answer.status_code == 202
    assert answer.headers["location"] == f"{DOCUMENTS}/{submitted['id']}"
    assert (submitted["status"], submitted["progress"]) == (
        "pending",
        {"stage": None, "percent": 0},
    )
    assert (document["status"], document["progress"]["percent"]) == ("indexed", 100)
    assert document["title"] == "Férias"
    assert document["tags"] == ["rh"]
    assert document["chunk_count"] >= 1


async def test_file_is_stored_and_indexed(ana: Person, objects: Path) -> None:
    answer = await ana.post(
        DOCUMENTS,
        files={"file": ("férias.md", HOLIDAYS.encode(), "application/octet-stream")},
        data={"title": "Manual de RH", "tags": "rh, pessoal", "chunking": "heading"},
    )
    assert answer.status_code == 202, answer.text
    document_id = answer.json()["data"]["id"]
    await ana.ingestion.drain_once("tests")
    document = (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]

    assert document["status"] == "indexed"
    assert document["source_uri"] == "férias.md"
    assert document["tags"] == ["rh", "pessoal"]
    assert document["size_bytes"] == len(HOLIDAYS.encode())
    (stored,) = originals(objects, document_id)
    assert stored.read_bytes() == HOLIDAYS.encode()


async def test_same_key_and_file_are_one_document(ana: Person, objects: Path) -> None:
    request: dict[str, Any] = {
        "files": {"file": ("a.txt", b"Um texto para uma vez.")},
        "headers": {"idempotency-key": str(uuid4())},
    }
    before = originals(objects)
    first = await ana.post(DOCUMENTS, **request)
    second = await ana.post(DOCUMENTS, **request)
    listed = (await ana.get(DOCUMENTS)).json()["data"]

    assert first.status_code == second.status_code == 202, second.text
    assert first.json()["data"]["id"] == second.json()["data"]["id"]
    assert [document["id"] for document in listed] == [first.json()["data"]["id"]]
    assert len(originals(objects) - before) == 1


async def test_same_key_with_another_file_is_refused(ana: Person) -> None:
    headers = {"idempotency-key": str(uuid4())}
    await ana.post(DOCUMENTS, files={"file": ("a.txt", b"Um texto.")}, headers=headers)

    second = await ana.post(DOCUMENTS, files={"file": ("a.txt", b"Outro.")}, headers=headers)

    assert second.status_code == 409
    assert second.json()["code"] == "IDEMPOTENCY_KEY_REUSED"


async def test_list_pages_by_cursor_newest_first(ana: Person) -> None:
    ids = [(await submit(ana, text=f"Texto {n}."))["id"] for n in range(5)]

    seen: list[str] = []
    cursor: str | None = None
    while True:
        parameters = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await ana.get(DOCUMENTS, params=parameters)).json()
        seen += [document["id"] for document in page["data"]]
        cursor = page["meta"]["next_cursor"]
        if not page["meta"]["has_more"]:
            break

    assert seen == ids[::-1]


async def test_list_pages_by_number_with_totals(ana: Person) -> None:
    for number in range(3):
        await submit(ana, text=f"Texto {number}.", tags=["a" if number else "b"])

    page = (await ana.get(DOCUMENTS, params={"page": 1, "per_page": 1, "tag": "A"})).json()

    assert len(page["data"]) == 1
    assert page["meta"]["total"] == 2
    assert page["meta"]["has_next"] is True


async def test_list_filters_by_status(ana: Person) -> None:
    indexed = await ana.index(HOLIDAYS)
    await submit(ana)

    page = (await ana.get(DOCUMENTS, params={"status": "indexed"})).json()

    assert [document["id"] for document in page["data"]] == [str(indexed)]


async def test_content_is_the_normalised_text(ana: Person) -> None:
    document_id = await ana.index("Linha um.\r\nLinha dois com \u0061\u0303.\u200b")

    answer = await ana.get(f"{DOCUMENTS}/{document_id}/content")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == "Linha um.\nLinha dois com ã."


async def test_content_before_indexing_is_a_conflict(ana: Person) -> None:
    document = await submit(ana)

    answer = await ana.get(f"{DOCUMENTS}/{document['id']}/content")

    assert answer.status_code == 409
    assert answer.json()["code"] == "DOCUMENT_CONTENT_NOT_READY"


async def test_pending_document_is_cancelled_and_retried(ana: Person) -> None:
    document = await submit(ana)
    path = f"{DOCUMENTS}/{document['id']}"

    cancelled = await ana.post(f"{path}/cancel")
    worked = await ana.ingestion.drain_once("tests")
    again = await ana.post(f"{path}/retry")
    await ana.ingestion.drain_once("tests")
    final = (await ana.get(path)).json()["data"]

    assert cancelled.json()["data"]["status"] == "cancelled"
    assert worked == 0
    assert again.status_code == 202
    assert final["status"] == "indexed"


async def test_every_step_of_a_document_changes_its_etag(ana: Person) -> None:
    answer = await ana.post(DOCUMENTS, json={"text": HOLIDAYS})
    path = f"{DOCUMENTS}/{answer.json()['data']['id']}"
    tags = [answer.headers["etag"]]
    assert (await ana.get(path)).headers["etag"] == tags[0]

    for move in ("cancel", "retry"):
        moved = await ana.post(f"{path}/{move}", headers={"if-match": tags[-1]})
        tags.append(moved.headers["etag"])
        assert (await ana.get(path)).headers["etag"] == tags[-1]
    await ana.ingestion.drain_once("tests")
    indexed = await ana.get(path)
    tags.append(indexed.headers["etag"])

    assert len(set(tags)) == 4, tags
    assert tags[-1] == f'"{indexed.json()["data"]["version"]}"'
    deleted = await ana.call("DELETE", path, headers={"if-match": tags[-1]})
    assert deleted.status_code == 204


@pytest.mark.parametrize("move", ["cancel", "retry", "delete"])
async def test_a_move_based_on_an_older_version_is_refused(ana: Person, move: str) -> None:
    document = await submit(ana)
    path = f"{DOCUMENTS}/{document['id']}"
    if move == "cancel":  # and into the queue again: only the version stands in the way
        await ana.post(f"{path}/cancel")
        await ana.post(f"{path}/retry")
    elif move == "retry":
        await ana.post(f"{path}/cancel")
    else:
        await ana.ingestion.drain_once("tests")
    before = (await ana.get(path)).json()["data"]

    stale = {"if-match": f'"{document["version"]}"'}
    if move == "delete":
        answer = await ana.call("DELETE", path, headers=stale)
    else:
        answer = await ana.post(f"{path}/{move}", headers=stale)

    assert answer.status_code == 412, answer.text
    assert answer.json()["code"] == "PRECONDITION_FAILED"
    assert (await ana.get(path)).json()["data"] == before


@pytest.mark.parametrize(
    ("move", "code"),
    [("cancel", "DOCUMENT_NOT_CANCELLABLE"), ("retry", "DOCUMENT_NOT_RETRYABLE")],
)
async def test_indexed_document_is_neither_cancelled_nor_retried(
    ana: Person, move: str, code: str
) -> None:
    document_id = await ana.index(HOLIDAYS)

    answer = await ana.post(f"{DOCUMENTS}/{document_id}/{move}")

    assert answer.status_code == 409
    assert answer.json()["code"] == code


async def test_failed_document_says_why_in_portuguese(ana: Person) -> None:
    broken = b"%PDF-1.7\n" + b"not really" * 50
    answer = await ana.post(DOCUMENTS, files={"file": ("a.pdf", broken)})
    await ana.ingestion.drain_once("tests")

    document = (await ana.get(f"{DOCUMENTS}/{answer.json()['data']['id']}")).json()["data"]

    assert document["status"] == "failed"
    assert document["error_code"] == "DOCUMENT_BROKEN"
    assert "corrompido" in document["error_message"]


@pytest.mark.parametrize("state", ["pending", "indexed", "failed", "cancelled"])
async def test_deleting_leaves_nothing_in_any_state(
    ana: Person, objects: Path, database_urls: DatabaseUrls, state: str
) -> None:
    content = b"%PDF-1.7 broken" if state == "failed" else HOLIDAYS.encode()
    submitted = await ana.post(DOCUMENTS, files={"file": ("a.txt", content)})
    document_id = submitted.json()["data"]["id"]
    path = f"{DOCUMENTS}/{document_id}"
    if state == "cancelled":
        await ana.post(f"{path}/cancel")
    elif state != "pending":
        await ana.ingestion.drain_once("tests")
    assert (await ana.get(path)).json()["data"]["status"] == state

    deleted = await ana.call("DELETE", path)

    assert deleted.status_code == 204
    assert (await ana.get(path)).status_code == 410
    assert not originals(objects, document_id)
    # It is known that there was a document, by its id, and nothing of what it said.
    assert await rows_everywhere(database_urls, document_id) == ["deleted_documents", "outbox"]
    assert not [t for t in await rows_everywhere(database_urls, "creche") if t != "outbox"]


async def test_deleted_documents_words_leave_the_statistics(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    document_id = await ana.index("O xilindró municipal abre às 9h.")
    assert "lexical_statistics" in await rows_everywhere(database_urls, "xilindr")

    await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")

    assert await rows_everywhere(database_urls, "xilindr") == []


async def test_other_organizations_document_is_not_there(ana: Person, beto: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    calls = [
        ("GET", "{}"),
        ("GET", "{}/content"),
        ("DELETE", "{}"),
        ("POST", "{}/cancel"),
        ("POST", "{}/retry"),
    ]

    for method, path in calls:
        theirs = await beto.call(method, f"{DOCUMENTS}/{path.format(document_id)}")
        nobodys = await beto.call(method, f"{DOCUMENTS}/{path.format(new_id())}")
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.json()["message"] == nobodys.json()["message"]
    assert (await beto.get(DOCUMENTS)).json()["data"] == []
    assert (await ana.get(f"{DOCUMENTS}/{document_id}")).status_code == 200


async def test_viewer_reads_and_changes_nothing(ana: Person, vera: Person) -> None:
    document_id = await ana.index(HOLIDAYS)

    assert (await vera.get(f"{DOCUMENTS}/{document_id}")).status_code == 200
    assert (await vera.post(DOCUMENTS, json={"text": "x"})).status_code == 403
    assert (await vera.call("DELETE", f"{DOCUMENTS}/{document_id}")).status_code == 403
    assert (await vera.post(f"{DOCUMENTS}/{document_id}/retry")).status_code == 403


async def test_refused_commit_leaves_no_object_behind(
    ana: Person, app: FastAPI, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("ai_svc.modules.documents.router.submission.submit", fail)
    before = originals(objects)

    answer = await ana.post(DOCUMENTS, files={"file": ("a.txt", b"Um texto.")})

    assert answer.status_code == 503
    assert originals(objects) == before


async def test_upload_happens_outside_the_transaction(
    ana: Person, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop: Workshop = app.state.workshop
    open_during_upload: list[int] = []
    store = type(workshop.storage).put_stream

    async def observed(*arguments: Any, **options: Any) -> Any:
        open_during_upload.append(_taken(workshop.database))
        return await store(*arguments, **options)

    monkeypatch.setattr(type(workshop.storage), "put_stream", observed)
    answer = await ana.post(
        DOCUMENTS,
        files={"file": ("a.txt", b"Um texto.")},
        headers={"idempotency-key": str(uuid4())},
    )

    assert answer.status_code == 202
    assert open_during_upload == [0]


def _taken(database: Database) -> int:
    pool: Any = database.engines[0].sync_engine.pool
    taken: int = pool.checkedout()
    return taken


async def test_submission_is_announced_once(ana: Person, database_urls: DatabaseUrls) -> None:
    document = await submit(ana)

    connection = await asyncpg.connect(database_urls.superuser)
    rows = await connection.fetch("SELECT event_type, envelope FROM ai.outbox")
    await connection.close()

    assert [row["event_type"] for row in rows] == ["document.submitted"]
    assert document["id"] in rows[0]["envelope"]
    assert "Um texto" not in rows[0]["envelope"]
    assert UUID(document["id"]).version == 7
