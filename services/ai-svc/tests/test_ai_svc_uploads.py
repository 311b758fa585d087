"""Uploads in parts: they go on wherever they broke off, and become one document."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from ai_svc_factories import DOCUMENTS, INTERNAL_KEY, Person, originals
from ai_svc_uploading import (
    TUS,
    UPLOADS,
    begin,
    begun,
    checksum,
    in_pieces,
    parts,
    position,
    send,
)
from fastapi import FastAPI

from ai_svc.modules.uploads import receiving, repository
from ai_svc.modules.uploads.expiring import sweep_parts
from devstack.testing import DatabaseUrls

pytestmark = pytest.mark.committed

CONTENT = ("O auxílio-creche é pago até os seis anos de idade.\n" * 100).encode()
PRUNE = "/internal/v1/maintenance/prune"


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch, objects: Path) -> None:
    """As if a thousand bytes were a lot; and nothing of the tests before."""
    monkeypatch.setattr(receiving, "SEGMENT_BYTES", 1_000)
    for left in parts(objects):
        left.unlink()


async def documents(person: Person) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await person.get(DOCUMENTS)).json()["data"]
    return listed


async def test_a_file_in_parts_becomes_the_document(ana: Person, objects: Path) -> None:
    before = parts(objects)
    location = await begun(ana, len(CONTENT), filename="creche.txt", title="Creche", tags="rh, x")
    first = await send(ana, location, 0, CONTENT[:2_500])
    last = await send(ana, location, 2_500, CONTENT[2_500:])
    await ana.ingestion.drain_once("tests")
    document = (await ana.get(last.headers["content-location"])).json()["data"]

    assert first.status_code == last.status_code == 204, last.text
    assert first.headers["upload-offset"] == "2500"
    assert first.headers["tus-resumable"] == "1.0.0"
    assert "upload-document-id" not in first.headers
    assert document["id"] == last.headers["upload-document-id"]
    assert (document["status"], document["title"], document["tags"]) == (
        "indexed",
        "Creche",
        ["rh", "x"],
    )
    (stored,) = originals(objects, document["id"])
    assert stored.read_bytes() == CONTENT
    assert parts(objects) == before
    read = (await ana.get(location)).json()["data"]
    assert (read["document_id"], read["received_bytes"]) == (document["id"], len(CONTENT))


async def test_what_the_protocol_offers_is_told_to_anybody(http: httpx.AsyncClient) -> None:
    answer = await http.options(UPLOADS)

    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,checksum,expiration,termination"
    assert answer.headers["tus-max-size"] == str(50 * 1024 * 1024)


async def test_a_service_that_ends_between_segments_loses_the_last_one_only(
    ana: Person, objects: Path
) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    arrived = asyncio.Event()

    async def stalls() -> AsyncIterator[bytes]:
        yield CONTENT[:2_400]
        arrived.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(send(ana, location, 0, stalls()))
    await arrived.wait()
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    offset = await position(ana, location)
    last = await send(ana, location, offset, in_pieces(CONTENT[offset:], 700))

    assert offset == 2_000
    assert last.status_code == 204, last.text
    (stored,) = originals(objects, last.headers["upload-document-id"])
    assert stored.read_bytes() == CONTENT


async def test_what_came_before_the_line_broke_is_kept(
    ana: Person, app: FastAPI, objects: Path
) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": CONTENT[:1_234], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def hear(_: Any) -> None:
        return

    headers = {
        **ana.headers,
        **TUS,
        "upload-offset": "0",
        "content-type": "application/offset+octet-stream",
        "content-length": str(len(CONTENT)),
    }
    scope = {
        "type": "http",
        "method": "PATCH",
        "path": location,
        "raw_path": location.encode(),
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("ai.test", 80),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, hear)

    assert await position(ana, location) == 1_234


async def test_the_document_and_the_last_part_are_one(
    ana: Person, objects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    await send(ana, location, 0, CONTENT[:2_000])

    async def dies(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr("knowledge.submission.submit", dies)
        with pytest.raises(asyncio.CancelledError):
            await send(ana, location, 2_000, CONTENT[2_000:])
    stands, before = await position(ana, location), await documents(ana)
    answer = await send(ana, location, stands, CONTENT[stands:])

    assert 2_000 <= stands < len(CONTENT)
    assert before == []
    assert answer.status_code == 204, answer.text
    assert [document["id"] for document in await documents(ana)] == [
        answer.headers["upload-document-id"]
    ]


async def test_of_two_senders_of_one_part_one_wins(ana: Person, objects: Path) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    answers = await asyncio.gather(*(send(ana, location, 0, CONTENT) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
    assert len(await documents(ana)) == 1
    assert parts(objects) == set()
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "UPLOAD_OFFSET_CONFLICT"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
async def test_a_part_that_changed_on_its_way_is_not_kept(
    ana: Person, objects: Path, algorithm: str
) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    good = checksum(CONTENT[:2_500], algorithm)

    bad = await send(ana, location, 0, b"x" + CONTENT[1:2_500], upload_checksum=good)
    stands = await position(ana, location)
    kept = await send(ana, location, 0, CONTENT[:2_500], upload_checksum=good)

    assert (bad.status_code, bad.json()["code"]) == (460, "UPLOAD_CHECKSUM_MISMATCH")
    assert bad.headers["tus-resumable"] == "1.0.0"
    assert stands == 0
    assert (kept.status_code, kept.headers["upload-offset"]) == (204, "2500")
    assert len(parts(objects)) == 3


async def test_the_digest_of_the_whole_is_checked(
    ana: Person, objects: Path, database_urls: DatabaseUrls
) -> None:
    right = hashlib.sha256(CONTENT).hexdigest()
    good = await begun(ana, len(CONTENT), filename="a.txt", sha256=right)
    bad = await begun(ana, len(CONTENT), filename="a.txt", sha256="0" * 64)
    before = originals(objects)

    refused = await send(ana, bad, 0, CONTENT)
    accepted = await send(ana, good, 0, CONTENT)

    assert (refused.status_code, accepted.status_code) == (460, 204)
    connection = await asyncpg.connect(database_urls.superuser)
    try:
        kept = await connection.fetchval("SELECT count(*) FROM ai.uploads WHERE sha256 = $1", right)
    finally:
        await connection.close()
    assert kept == 0  # the document may be deleted: nothing told by it stays here
    assert len(await documents(ana)) == 1
    assert (await ana.get(bad)).status_code == 404
    assert len(originals(objects) - before) == 1
    assert parts(objects) == set()


async def test_a_format_nobody_reads_ends_the_upload(ana: Person, objects: Path) -> None:
    before = originals(objects)
    location = await begun(ana, 2_000, filename="a.bin")
    refused = await send(ana, location, 0, bytes(range(256)) * 7 + b"\x00" * 208)

    assert refused.status_code == 415, refused.text
    assert (await ana.get(location)).status_code == 404
    assert parts(objects) == set()
    assert originals(objects) == before


async def test_nobody_else_finds_it(
    ana: Person, beto: Person, person: Callable[[str], Person]
) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    missing = f"{UPLOADS}/0192a000-0000-7000-8000-00000000dead"

    for other in (beto, person("bruno")):  # another organization; a colleague
        answers = [
            await other.get(location),
            await other.call("HEAD", location, headers=TUS),
            await send(other, location, 0, CONTENT),
            await other.call("DELETE", location, headers=TUS),
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
        unknown = await other.get(missing)
        assert answers[0].json()["message"] == unknown.json()["message"]
    assert await position(ana, location) == 0


async def test_who_may_only_read_begins_nothing(vera: Person) -> None:
    assert (await begin(vera, 10, filename="a.txt")).status_code == 403


async def test_more_than_accepted_is_refused(ana: Person) -> None:
    too_large = await begin(ana, 50 * 1024 * 1024 + 1, filename="a.txt")
    location = await begun(ana, 10, filename="a.txt")
    beyond = await send(ana, location, 0, b"x" * 11)

    assert (too_large.status_code, too_large.json()["code"]) == (413, "DOCUMENT_TOO_LARGE")
    assert (beyond.status_code, beyond.json()["code"]) == (413, "UPLOAD_BEYOND_END")
    assert await position(ana, location) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"tus-resumable": "0.2.2", "upload-length": "9"}, 412),
        ({"upload-length": "9"}, 412),
        ({**TUS}, 422),
        ({**TUS, "upload-length": "-1"}, 422),
        ({**TUS, "upload-length": "0"}, 422),
        ({**TUS, "upload-length": "9" * 400}, 422),
        ({**TUS, "upload-length": "9", "upload-metadata": "filename %%%"}, 422),
        ({**TUS, "upload-length": "9", "upload-metadata": "visibilty b3JnYW5pemF0aW9u"}, 422),
        ({**TUS, "upload-length": "9", "upload-metadata": "sha256 eHl6"}, 422),
        ({**TUS, "upload-length": "9", "upload-metadata": "chunking eHl6"}, 422),
        ({**TUS, "upload-length": "9", "upload-metadata": "title //8="}, 422),
    ],
)
async def test_what_is_no_creation_is_refused(
    ana: Person, headers: dict[str, str], status: int
) -> None:
    answer = await ana.post(UPLOADS, headers=headers)

    assert answer.status_code == status, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"


async def test_what_does_not_go_together_is_said(ana: Person) -> None:
    headers = {**TUS, "upload-length": "9", "upload-metadata": "visibility Y2xpZW50"}
    answer = await ana.call("POST", UPLOADS, headers=headers)

    assert answer.status_code == 422
    assert answer.json()["details"][0]["message"] == (
        "Confira em Upload-Metadata: "
        "Um documento de cliente precisa de client_id, purpose_code e legal_basis."
    )


async def test_what_is_no_part_is_refused(ana: Person) -> None:
    location = await begun(ana, 9, filename="a.txt")
    refused = [
        await send(ana, location, 0, b"x", content_type="text/plain"),
        await send(ana, location, 0, b"x", upload_offset="um"),
        await send(ana, location, 0, b"x", upload_checksum="md5 eA=="),
        await send(ana, location, 0, b"x", upload_checksum="sha1 ?"),
        await send(ana, location, 0, b"x", tus_resumable="2"),
        await send(ana, location, 5, b"x"),
    ]

    assert [answer.status_code for answer in refused] == [415, 422, 422, 422, 412, 409]
    assert await position(ana, location) == 0


async def test_many_begun_and_none_ended_is_too_many(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MOST_OPEN", 3)
    answers = await asyncio.gather(*(begin(ana, 9, filename="a.txt") for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 201, 409, 409, 409]


async def test_what_is_given_up_leaves_nothing(ana: Person, objects: Path) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    await send(ana, location, 0, CONTENT[:3_000])
    stored = parts(objects)
    gone = await ana.call("DELETE", location, headers=TUS)
    again = await ana.call("DELETE", location, headers=TUS)

    assert len(stored) == 3
    assert (gone.status_code, again.status_code) == (204, 404)
    assert parts(objects) == set()


async def test_what_is_abandoned_expires_with_its_objects(
    ana: Person, beto: Person, objects: Path, database_urls: DatabaseUrls
) -> None:
    old = await begun(ana, len(CONTENT), filename="a.txt")
    await send(ana, old, 0, CONTENT[:3_000])
    fresh = await begun(beto, len(CONTENT), filename="a.txt")
    await send(beto, fresh, 0, CONTENT[:1_000])
    connection = await asyncpg.connect(database_urls.superuser)
    await connection.execute(
        "UPDATE ai.uploads SET expires_at = now() - interval '1 s' WHERE id = $1",
        UUID(old.rpartition("/")[2]),
    )
    await connection.close()

    late = await send(ana, old, 3_000, CONTENT[3_000:])
    worker = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
    answer = await ana.http.post(PRUNE, headers=worker)

    assert late.status_code == 404
    assert answer.json()["data"]["uploads"] == 1
    (left,) = parts(objects)
    assert fresh.rpartition("/")[2] in str(left)
    await beto.call("DELETE", fresh, headers=TUS)


async def test_a_part_nobody_owns_is_swept(app: FastAPI, ana: Person, objects: Path) -> None:
    location = await begun(ana, len(CONTENT), filename="a.txt")
    await send(ana, location, 0, CONTENT[:1_000])
    (mine,) = parts(objects)
    orphan = mine.parent.parent / "0192a000-0000-7000-8000-00000000dead" / mine.name
    orphan.parent.mkdir()
    orphan.write_bytes(b"x")
    workshop = app.state.workshop

    young = await sweep_parts(workshop.database, workshop.storage, grace=timedelta(hours=1))
    swept = await sweep_parts(workshop.database, workshop.storage, grace=timedelta(0))

    assert (young, swept) == (0, 1)
    assert parts(objects) == {mine}
    await ana.call("DELETE", location, headers=TUS)
