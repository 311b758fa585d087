"""What cannot become a document is refused at once, with a status, a code and a sentence."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from ai_svc_factories import DOCUMENTS, Person, originals

pytestmark = pytest.mark.committed


def assert_refused(answer: httpx.Response, status: int, code: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    failure = answer.json()
    assert failure["status"] == "error"
    assert failure["code"] == code if code else failure["code"].isupper()
    assert len(failure["message"]) > 10
    assert failure["request_id"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "DOCUMENT_EMPTY"),
        (b"\x7fELF" + bytes(2000), 415, "DOCUMENT_TYPE_UNSUPPORTED"),
        (b"GIF89a" + bytes(2000), 415, "DOCUMENT_TYPE_UNSUPPORTED"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), 415, "DOCUMENT_LEGACY_OFFICE"),
    ],
    ids=["empty", "program", "picture", "old office"],
)
async def test_file_is_refused_and_not_kept(
    ana: Person, objects: Path, content: bytes, status: int, code: str
) -> None:
    before = originals(objects)

    answer = await ana.post(DOCUMENTS, files={"file": ("texto.txt", content)})

    assert_refused(answer, status, code)
    assert originals(objects) == before
    assert (await ana.get(DOCUMENTS)).json()["data"] == []


async def test_60_mb_are_refused_by_their_announced_length(ana: Person) -> None:
    content = b"a" * (60 * 1024 * 1024)

    answer = await ana.post(DOCUMENTS, files={"file": ("grande.txt", content)})

    assert_refused(answer, 413)


async def test_file_just_over_the_limit_is_refused_by_its_size(ana: Person, objects: Path) -> None:
    before = originals(objects)
    content = b"a" * (50 * 1024 * 1024 + 1)

    answer = await ana.post(DOCUMENTS, files={"file": ("grande.txt", content)})

    assert_refused(answer, 413, "DOCUMENT_TOO_LARGE")
    assert "50 MB" in answer.json()["message"]
    assert originals(objects) == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"title": "Só título"}, "body"),
        ({"text": "a", "url": "https://example.com"}, "body"),
        ({"text": 7}, "body.text"),
        ({"text": "a", "owner": "x"}, "body.owner"),
        ({"text": "a", "chunking": "magic"}, "body.chunking"),
        ({"text": "a", "title": "t" * 301}, "body.title"),
        ({"text": "a", "tags": ["x"] * 31}, "body.tags"),
        ({"text": "a\x00b"}, "body.text"),
        ([], "body"),
    ],
)
async def test_json_is_refused_by_field(ana: Person, body: Any, field: str) -> None:
    answer = await ana.post(DOCUMENTS, json=body)

    assert_refused(answer, 422, "VALIDATION_ERROR")
    assert answer.json()["details"][0]["field"] == field


@pytest.mark.parametrize("text", ["", "   \n\t ", "\u200b"])
async def test_text_without_words_is_refused_or_fails(ana: Person, text: str) -> None:
    answer = await ana.post(DOCUMENTS, json={"text": text})

    if answer.status_code == 202:
        await ana.ingestion.drain_once("tests")
        path = f"{DOCUMENTS}/{answer.json()['data']['id']}"
        document = (await ana.get(path)).json()["data"]
        assert (document["status"], document["error_code"]) == ("failed", "DOCUMENT_EMPTY")
    else:
        assert_refused(answer, 422, "DOCUMENT_EMPTY")


async def test_malformed_json_is_refused(ana: Person) -> None:
    answer = await ana.post(
        DOCUMENTS, content=b'{"text": ', headers={"content-type": "application/json"}
    )

    assert_refused(answer, 422, "VALIDATION_ERROR")


async def test_json_beyond_its_limit_is_refused_before_it_is_read(ana: Person) -> None:
    answer = await ana.post(DOCUMENTS, json={"text": "a" * (13 * 1024 * 1024)})

    assert_refused(answer, 413, "SUBMISSION_TOO_LARGE")


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", ""])
async def test_other_body_is_refused(ana: Person, media_type: str) -> None:
    answer = await ana.post(DOCUMENTS, content=b"oi", headers={"content-type": media_type})

    assert_refused(answer, 415, "SUBMISSION_TYPE_UNSUPPORTED")


@pytest.mark.parametrize(
    ("parts", "data"),
    [
        ({"other": ("a.txt", b"x")}, {}),
        ({"file": ("a.txt", b"Texto.")}, {"owner": "x"}),
        ({"file": ("a.txt", b"Texto.")}, {"chunking": "magic"}),
    ],
    ids=["no file", "unknown field", "unknown chunking"],
)
async def test_form_is_refused(ana: Person, parts: dict[str, Any], data: dict[str, str]) -> None:
    assert_refused(await ana.post(DOCUMENTS, files=parts, data=data), 422, "VALIDATION_ERROR")


async def test_broken_form_is_refused(ana: Person) -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}

    answer = await ana.post(DOCUMENTS, content=b"--y\r\nnonsense", headers=headers)

    assert answer.status_code in {400, 422}
    assert answer.json()["code"].isupper()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
        "https://user:secret@example.com/",
        "not an address",
    ],
)
async def test_address_that_is_not_public_is_refused(ana: Person, url: str) -> None:
    answer = await ana.post(DOCUMENTS, json={"url": url})

    assert_refused(answer, 422, "URL_BLOCKED")


@pytest.mark.parametrize(
    "path",
    [
        f"{DOCUMENTS}/not-a-uuid",
        f"{DOCUMENTS}/not-a-uuid/content",
        f"{DOCUMENTS}?cursor=garbage",
        f"{DOCUMENTS}?cursor=WyJ4IiwgInkiXQ",
        f"{DOCUMENTS}?limit=0",
        f"{DOCUMENTS}?status=lost",
        f"{DOCUMENTS}?page=0",
    ],
)
async def test_address_of_a_document_is_refused(ana: Person, path: str) -> None:
    assert_refused(await ana.get(path), 422, "VALIDATION_ERROR")


async def test_stranger_is_turned_away_before_the_upload_is_read(ana: Person) -> None:
    answer = await ana.http.post(DOCUMENTS, files={"file": ("a.txt", b"Texto.")})

    assert_refused(answer, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("title", ["", " ", "\u200b", "\x01\x02"])
async def test_a_title_nobody_can_read_is_refused(ana: Person, title: str) -> None:
    document_id = await ana.index("O prazo é de dez dias.", title="Prazos")

    answer = await ana.call("PATCH", f"{DOCUMENTS}/{document_id}", json={"title": title})

    assert_refused(answer, 422, "VALIDATION_ERROR")
    assert (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]["title"] == "Prazos"
