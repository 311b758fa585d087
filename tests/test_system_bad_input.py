"""What is wrong is refused with a status, a code and one sentence a person understands."""

from collections.abc import AsyncIterator
from typing import Any

import hostile_files
import httpx
import pytest
from system_stack import Stack, eventually

pytestmark = pytest.mark.stack

CLIENT = {"kind": "person", "name": "Rita Campos"}


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


def assert_refused(response: httpx.Response, status: int, code: str | None = None) -> None:
    assert response.status_code == status, response.text[:500]
    failure = response.json()
    assert failure["status"] == "error"
    assert failure["code"] == code if code else failure["code"].isupper()
    assert len(failure["message"]) > 10
    assert "Traceback" not in response.text


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "vazio.txt", 422),
        (b"\x7fELF" + bytes(2000), "programa.txt", 415),
        (b"RIFF\xf4\x07\0\0WAVEfmt " + bytes(2000), "gravação.pdf", 415),
    ],
    ids=["empty", "program", "sound"],
)
async def test_file_is_refused_at_once(
    ana: httpx.AsyncClient, content: bytes, name: str, status: int
) -> None:
    response = await ana.post("/api/v1/rag/documents", files={"file": (name, content)})

    assert_refused(response, status)


async def test_60_mb_file_is_too_large(ana: httpx.AsyncClient) -> None:
    content = b"a" * (60 * 1024 * 1024)

    response = await ana.post("/api/v1/rag/documents", files={"file": ("grande.txt", content)})

    assert_refused(response, 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (hostile_files.encrypted_pdf, "cifrado.pdf"),
        (hostile_files.broken_pdf, "quebrado.pdf"),
        (hostile_files.zip_bomb_docx, "bomba.docx"),
    ],
    ids=["encrypted", "broken", "bomb"],
)
async def test_file_fails_with_a_cause_and_can_be_deleted(
    ana: httpx.AsyncClient, content: Any, name: str
) -> None:
    response = await ana.post("/api/v1/rag/documents", files={"file": (name, content())})
    assert response.status_code == 202, response.text
    document = await _processed(ana, response.json()["data"]["id"])

    assert document["status"] == "failed"
    assert document["error_code"].isupper()
    assert len(document["error_message"]) > 10
    deleted = await ana.delete(f"/api/v1/rag/documents/{document['id']}")
    assert deleted.status_code == 204


async def test_ten_thousand_pages_of_text_end_in_a_clear_state(ana: httpx.AsyncClient) -> None:
    page = ("Linha de um relatório muito longo. " * 60) + "\f"
    content = (page * 10_000).encode()

    response = await ana.post("/api/v1/rag/documents", files={"file": ("longo.txt", content)})
    assert response.status_code == 202, response.text
    document = await _processed(ana, response.json()["data"]["id"])

    assert document["status"] == "failed"
    assert len(document["error_message"]) > 10
    await ana.delete(f"/api/v1/rag/documents/{document['id']}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/",
        "http://localhost/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://2130706433/",
        "file:///etc/passwd",
    ],
)
async def test_private_address_is_never_fetched(ana: httpx.AsyncClient, url: str) -> None:
    response = await ana.post("/api/v1/rag/documents", json={"title": "Interno", "url": url})

    if response.status_code == 202:
        document = await _processed(ana, response.json()["data"]["id"])
        assert document["status"] == "failed"
        assert "URL" in document["error_code"]
    else:
        assert_refused(response, 422)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**CLIENT, "document": "111.111.111-11"}, 422),
        ({**CLIENT, "email": "sem arroba"}, 422),
        ({**CLIENT, "nickname": "Ritinha"}, 422),
        ({**CLIENT, "name": "Rita\x00Campos"}, 422),
        ({"kind": "robot", "name": "R2"}, 422),
    ],
    ids=["cpf", "email", "unknown field", "NUL", "kind"],
)
async def test_client_is_refused(ana: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    response = await ana.post("/api/v1/clients", json=body)

    assert_refused(response, status, "VALIDATION_ERROR")
    assert response.json()["details"]


async def test_malformed_json_is_refused(ana: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}

    response = await ana.post("/api/v1/clients", content=b'{"name": ', headers=headers)

    assert_refused(response, 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/clients/not-a-uuid",
        "/api/v1/clients?cursor=%00garbage",
        "/api/v1/clients?cursor=bm90LWEtY3Vyc29y",
        "/api/v1/clients?limit=0",
        "/api/v1/tickets?cursor=garbage",
        "/api/v1/rag/documents/not-a-uuid",
        "/api/v1/rag/documents?cursor=garbage",
    ],
)
async def test_address_is_refused(ana: httpx.AsyncClient, path: str) -> None:
    assert_refused(await ana.get(path), 422, "VALIDATION_ERROR")


async def test_nul_byte_in_a_question_is_refused(ana: httpx.AsyncClient) -> None:
    response = await ana.post("/api/v1/rag/ask", json={"question": "O que\x00é isto?"})

    assert_refused(response, 422, "VALIDATION_ERROR")


async def test_1_mb_header_is_refused_by_the_gateway(ana: httpx.AsyncClient) -> None:
    response = await ana.get("/api/v1/me", headers={"X-Long": "a" * 1024 * 1024})

    assert response.status_code == 431


@pytest.mark.parametrize("path", ["/internal/v1/maintenance/prune", "/metrics", "/api/../metrics"])
async def test_what_is_internal_is_not_there(ana: httpx.AsyncClient, path: str) -> None:
    response = await ana.request("GET", path, headers={"X-Internal-Key": "guess"})

    assert response.status_code == 404


async def _processed(client: httpx.AsyncClient, document_id: str) -> dict[str, Any]:
    async def ended() -> dict[str, Any] | None:
        response = await client.get(f"/api/v1/rag/documents/{document_id}")
        response.raise_for_status()
        document: dict[str, Any] = response.json()["data"]
        return document if document["status"] not in ("pending", "processing") else None

    return await eventually(ended, seconds=90)
